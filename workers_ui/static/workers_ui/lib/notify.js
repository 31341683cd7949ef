/* toast(text, state): a brief message at the edge of the page. Anything that must be read belongs in the page. */

export function toast(text, state = "") {
  document.dispatchEvent(new CustomEvent("annotary:toast", { detail: { text, state } }));
}
