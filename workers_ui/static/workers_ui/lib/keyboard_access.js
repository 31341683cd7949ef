/* What the keyboard needs of every page: links that look like buttons answer to Space, as buttons do, and a region that
 * scrolls can be scrolled with the arrow keys. */

const SCROLLING = ".table-wrap, .tabs ul, dialog.sheet .instructions";
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

export function startKeyboardAccess(root) {
  root.addEventListener("keydown", (event) => {
    const link = event.key === " " && event.target instanceof Element ? event.target.closest("a[role=button]") : null;
    if (!link || event.repeat) return;
    event.preventDefault();
    link.click();
  });
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) makeFocusable(target);
  });
  const watch = () => {
    for (const region of root.querySelectorAll(SCROLLING)) resized.observe(region);
  };
  // Parts of a page are replaced by newer ones.
  new MutationObserver(watch).observe(root, { childList: true, subtree: true });
  watch();
}

function makeFocusable(region) {
  const scrolls = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
  if (scrolls && !region.querySelector(FOCUSABLE)) region.tabIndex = 0;
  else region.removeAttribute("tabindex");
}
