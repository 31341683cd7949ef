/* Class buttons: a single choice (radios) or several (tags). Keys 1 to 9 work unless a field has the focus.
 *
 * new ClassPicker(element, {classes: [{id, name}], value: id | [ids] | null, multiple, large, keys, follow})
 * With follow: false, arrow keys only move the focus, for pages that send a choice immediately.
 * Event: "change" {value}: an id or null; with `multiple`, a list of ids in schema order.
 */

import { swatchOf } from "./palette.js";

export class ClassPicker extends EventTarget {
  constructor(element, { classes, value = null, multiple = false, large = false, keys = true, follow = true }) {
    super();
    Object.assign(this, { element, classes, multiple, follow });
    this.chosen = new Set(multiple ? (value ?? []) : value === null ? [] : [value]);
    element.classList.add("class-picker");
    element.classList.toggle("large", large);
    element.setAttribute("role", multiple ? "group" : "radiogroup");
    element.replaceChildren(...classes.map((item, position) => this.button(item, position)));
    this.abort = new AbortController();
    const { signal } = this.abort;
    element.addEventListener("keydown", (event) => this.walk(event), { signal });
    if (keys) document.addEventListener("keydown", (event) => this.number(event), { signal });
    this.refresh();
  }

  get value() {
    const ids = this.classes.map((item) => item.id).filter((id) => this.chosen.has(id));
    return this.multiple ? ids : (ids[0] ?? null);
  }

  /** Sets the value without an event. */
  set(value) {
    this.chosen = new Set(this.multiple ? value : value === null ? [] : [value]);
    this.refresh();
  }

  destroy() {
    this.abort.abort();
  }

  button(item, position) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", this.multiple ? "checkbox" : "radio");
    const name = document.createElement("span");
    name.textContent = item.name;
    button.append(swatchOf(position, item.color), name);
    if (position < 9) {
      const key = document.createElement("kbd");
      key.textContent = String(position + 1);
      button.append(key);
      button.setAttribute("aria-keyshortcuts", String(position + 1));
    }
    button.addEventListener("click", () => this.choose(item.id));
    return button;
  }

  choose(id) {
    if (this.multiple && this.chosen.has(id)) this.chosen.delete(id);
    else if (this.multiple) this.chosen.add(id);
    else this.chosen = new Set([id]);
    this.refresh();
    this.dispatchEvent(new CustomEvent("change", { detail: { value: this.value } }));
  }

  refresh() {
    const buttons = [...this.element.children];
    buttons.forEach((button, position) => {
      const checked = this.chosen.has(this.classes[position].id);
      button.setAttribute("aria-checked", String(checked));
      button.tabIndex = this.multiple || checked ? 0 : -1;
    });
    if (!this.multiple && this.chosen.size === 0 && buttons.length > 0) buttons[0].tabIndex = 0;
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined || this.multiple) return;
    event.preventDefault();
    const buttons = [...this.element.children];
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    if (this.follow) this.choose(this.classes[next].id);
  }

  number(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target instanceof Element && event.target.closest("input, select, textarea, dialog, [contenteditable]"))
      return;
    const item = /^[1-9]$/.test(event.key) ? this.classes[Number(event.key) - 1] : undefined;
    if (item === undefined) return;
    event.preventDefault();
    this.choose(item.id);
  }
}
