/* Class buttons: a single choice (radios) or several (tags). Keys 1 to 9 work unless a field has the focus.
 *
 * new ClassPicker(element, {classes: [{id, name}], value: id | [ids] | null, multiple, large, keys, follow})
 * With many classes, the element gets a search field before it, both in a new element: "/" goes there, Enter chooses the first match.
 * With follow: false, arrow keys only move the focus, for pages that send a choice immediately.
 * Event: "change" {value}: an id or null; with `multiple`, a list of ids in schema order.
 */

import { looksOf, swatchOf } from "./palette.js";

/* With more classes than this, a field finds one by its name. */
const SEARCH_ABOVE = 12;

export class ClassPicker extends EventTarget {
  constructor(element, { classes, value = null, multiple = false, large = false, keys = true, follow = true }) {
    super();
    Object.assign(this, { element, classes, multiple, follow });
    this.chosen = new Set(multiple ? (value ?? []) : value === null ? [] : [value]);
    element.classList.add("class-picker");
    element.classList.toggle("large", large);
    element.setAttribute("role", multiple ? "group" : "radiogroup");
    const looks = looksOf(classes);
    element.replaceChildren(...classes.map((item, position) => this.button(item, position, looks[position])));
    this.abort = new AbortController();
    this.search = classes.length > SEARCH_ABOVE ? this.searchField(keys) : null;
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
    this.search?.parentElement.replaceWith(this.element);
  }

  searchField(keys) {
    const { signal } = this.abort;
    const field = document.createElement("input");
    Object.assign(field, {
      type: "search",
      placeholder: "Find…",
      className: "class-search",
      autocomplete: "off",
    });
    field.setAttribute("aria-label", "Find a class");
    field.enterKeyHint = "done";
    field.addEventListener("input", () => this.filter(), { signal });
    field.addEventListener("keydown", (event) => this.searchKey(event), { signal });
    if (keys) {
      field.setAttribute("aria-keyshortcuts", "/");
      document.addEventListener("keydown", (event) => this.slash(event), { signal });
    }
    const finder = document.createElement("div");
    finder.className = "class-finder";
    this.element.before(finder);
    finder.append(field, this.element);
    return field;
  }

  get shown() {
    return [...this.element.children].filter((button) => !button.hidden);
  }

  filter() {
    const part = this.search.value.trim().toLowerCase();
    const buttons = [...this.element.children];
    this.classes.forEach(({ name }, position) => {
      buttons[position].hidden = !name.toLowerCase().includes(part);
    });
  }

  clearSearch() {
    if (!this.search || this.search.value === "") return;
    this.search.value = "";
    this.filter();
  }

  searchKey(event) {
    if (event.key === "Escape") {
      this.clearSearch();
      this.search.blur();
    } else if (event.key === "ArrowDown") this.shown[0]?.focus();
    else if (event.key === "Enter") this.shown[0]?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  slash(event) {
    if (event.key !== "/" || event.defaultPrevented || isTyping(event) || this.search.offsetParent === null) return;
    event.preventDefault();
    this.search.focus();
  }

  button(item, position, look) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", this.multiple ? "checkbox" : "radio");
    const name = document.createElement("span");
    name.textContent = item.name;
    button.append(swatchOf(look), name);
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
    this.clearSearch();
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
    const { shown } = this;
    const next = shown[(shown.indexOf(document.activeElement) + step + shown.length) % shown.length];
    next.focus();
    if (this.follow) this.choose(this.classes[[...this.element.children].indexOf(next)].id);
  }

  number(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return;
    if (isTyping(event)) return;
    const item = /^[1-9]$/.test(event.key) ? this.classes[Number(event.key) - 1] : undefined;
    if (item === undefined) return;
    event.preventDefault();
    this.choose(item.id);
  }
}

function isTyping({ target }) {
  return target instanceof Element && target.closest("input, select, textarea, dialog, [contenteditable]") !== null;
}
