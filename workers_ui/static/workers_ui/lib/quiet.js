/* A pause after an action has replaced what was under the pointer or the focus: the second half of a double click, a
 * second tap or a key that is still held was meant for what is gone.
 *
 * For 300 ms, clicks and the keys that act are ignored, on the whole page, and a key that is held until it is released.
 * <html data-quiet> tells that it lasts. */

const PAUSE = 300;
/* The longest time between the two clicks of a double click, and between a key press and its first repetition. */
const DOUBLE = 600;

let until = 0;
let since = -Infinity;
let onlyDouble = false;
let timer = null;
let heldKey = null;
let listening = false;

/** Begins the pause. With `gentle`, only double clicks and held keys are ignored: what appeared is expected at once. */
export function quiet({ gentle = false } = {}) {
  listen();
  since = performance.now();
  until = gentle ? since : since + PAUSE;
  onlyDouble = gentle;
  if (gentle) return;
  document.documentElement.dataset.quiet = "true";
  clearTimeout(timer);
  timer = setTimeout(() => delete document.documentElement.dataset.quiet, PAUSE);
}

function listen() {
  if (listening) return;
  listening = true;
  // On the window, which sees them before every listener of the document.
  window.addEventListener("click", click, { capture: true });
  window.addEventListener("keydown", keyDown, { capture: true });
  window.addEventListener("keyup", keyUp, { capture: true });
}

function click(event) {
  // Those of keys and scripts have no detail; their keys are checked below.
  if (!event.isTrusted || leaves(event)) return;
  // A fast worker who taps the same class at every image is not double-clicking.
  const again = onlyDouble && event.detail > 1 && event.timeStamp - since < DOUBLE;
  if (event.timeStamp < until || again) stop(event);
}

function keyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isPassive(event)) return;
  const held = event.repeat && (heldKey === event.key || event.timeStamp < until || event.timeStamp - since < DOUBLE);
  if (event.timeStamp >= until && !held) return;
  heldKey = event.key;
  stop(event);
}

function keyUp(event) {
  // A button is pressed when Space is released.
  if (event.key === " " && event.timeStamp < until) stop(event);
  if (event.key === heldKey) heldKey = null;
}

/* Keys that only move the focus or the view, and typing. */
function isPassive({ key, target }) {
  if (key === "Tab" || key === "Shift" || key === "Escape" || key.startsWith("Arrow")) return true;
  return target instanceof Element && target.closest("input, select, textarea, [contenteditable]") !== null;
}

/* A link leads to another page and decides nothing. */
function leaves({ target }) {
  return target instanceof Element && target.closest("a[href]") !== null;
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}
