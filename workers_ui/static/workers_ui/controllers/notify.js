/* toast(text, state): a short word at the edge of the page. Anything that must be read stays in the page instead. */

export function toast(text, state = "") {
  document.dispatchEvent(new CustomEvent("annotary:toast", { detail: { text, state } }));
}
