/* The choice between the drawing tools of a project that has several. Keys choose one unless a field has the focus.
 *
 * new ToolSwitch(element, annotator, {place, remove}) fills the element, and hides it where there is nothing to choose.
 * The buttons `place` and `remove`, elsewhere on the page, are named after what the tool draws; with data-icon="tool",
 * `place` has the icon of the tool. */

import { drawnIcon } from "../lib/icons.js";
import { capitalized } from "./wording.js";

export class ToolSwitch {
  constructor(element, annotator, { place = null, remove = null } = {}) {
    Object.assign(this, { element, annotator, place });
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { tools, noun } = annotator;
    if (remove) nameButton(remove, `Remove the selected ${noun.one}`, `Remove the ${noun.one} (Delete)`);
    element.hidden = tools.length < 2;
    if (!element.hidden) this.fill(tools);
    annotator.addEventListener("tool", () => this.refresh(), { signal });
    element.addEventListener("keydown", (event) => this.walk(event), { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    this.refresh();
  }

  fill(tools) {
    const { element } = this;
    element.classList.add("tool-switch");
    element.setAttribute("role", "radiogroup");
    element.setAttribute("aria-label", "Drawing tool");
    element.replaceChildren(...tools.map((tool) => this.button(tool)));
  }

  destroy() {
    this.abort.abort();
  }

  button({ name, noun, icon, key }) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = name;
    button.setAttribute("role", "radio");
    button.setAttribute("aria-keyshortcuts", key);
    const word = document.createElement("span");
    word.textContent = capitalized(noun.one);
    const hint = document.createElement("kbd");
    hint.textContent = key.toUpperCase();
    button.append(drawnIcon(icon), word, hint);
    button.addEventListener("click", () => this.use(name));
    return button;
  }

  use(name) {
    this.annotator.useTool(name);
    this.annotator.element.focus({ preventScroll: true });
  }

  refresh() {
    const { tool } = this.annotator;
    if (tool && this.place) {
      nameButton(this.place, tool.placeLabel, `New ${tool.noun.one} (N)`);
      if (this.place.dataset.icon === "tool") this.place.replaceChildren(drawnIcon(tool.icon));
    }
    for (const button of this.element.children) {
      const isChosen = button.dataset.name === tool.name;
      button.setAttribute("aria-checked", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...this.element.children];
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    this.annotator.useTool(next.dataset.name);
    next.focus();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return;
    if (this.element.offsetParent === null || this.annotator.readOnly || isTyping(event)) return;
    const tool = this.annotator.tools.find(({ key }) => key === event.key.toLowerCase());
    if (!tool) return;
    event.preventDefault();
    this.use(tool.name);
  }
}

function nameButton(button, label, title) {
  button.setAttribute("aria-label", label);
  button.title = title;
}

function isTyping({ target }) {
  return target instanceof Element && target.closest("input, select, textarea, dialog, [contenteditable]") !== null;
}
