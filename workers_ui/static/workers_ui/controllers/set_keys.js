/* The keys of the set page that belong to no field and not to the surface. */

const KEYS = {
  Enter: "next",
  b: "back",
  PageUp: "back",
  PageDown: "forward",
  e: "empty",
  c: "cannotTell",
  s: "skip",
  o: "overview",
};

/** Calls `handlers[name]` for a key; keys typed into fields, buttons (Enter) and open dialogs are left alone. */
export function bindKeys(signal, handlers) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!name || isTaken(event)) return;
      event.preventDefault();
      handlers[name]();
    },
    { signal },
  );
}

function isTaken(event) {
  if (document.querySelector("dialog[open]")) return true;
  if (!(event.target instanceof Element)) return false;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return true;
  return event.key === "Enter" && event.target.closest("button, a, summary") !== null;
}
