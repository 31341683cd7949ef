/* The set page's shortcuts, apart from those of fields and of the annotator. */

const KEYS = {
  Enter: "next",
  b: "back",
  PageUp: "back",
  PageDown: "forward",
  e: "empty",
  c: "cannotTell",
  s: "skip",
  q: "ask",
  o: "overview",
};

/** Calls `handlers[name]` for a key; ignores keys typed into fields, Enter on buttons, and open dialogs. */
export function bindKeys(signal, handlers) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!name || isHandledElsewhere(event)) return;
      event.preventDefault();
      handlers[name]();
    },
    { signal },
  );
}

function isHandledElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  if (!(event.target instanceof Element)) return false;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return true;
  return event.key === "Enter" && event.target.closest("button, a, summary") !== null;
}
