/* The objects as a list next to the image: for screen readers, and for fingers when objects are small. */

import { quiet } from "../lib/quiet.js";
import { formOf } from "./forms.js";
import { looksOf, swatchOf } from "./palette.js";
import { capitalized } from "./wording.js";

export class ObjectList {
  constructor(annotator, element) {
    this.annotator = annotator;
    this.element = element;
    this.looks = looksOf(annotator.classes);
    element.classList.add("object-list");
    element.setAttribute("role", "list");
    element.setAttribute("aria-label", `${capitalized(annotator.noun.many)} on this image`);
  }

  render() {
    const { objects } = this.annotator;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const rows = objects.shown.map((object, index) => this.row(object, index + 1));
    this.element.replaceChildren(...(rows.length > 0 ? rows : [this.empty()]));
    if (focused) this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    this.reveal();
  }

  /* Scrolls the list only: scrollIntoView would move the page under the image. */
  reveal() {
    const row = this.element.querySelector("[aria-current]");
    if (!row) return;
    const { scrollTop, clientHeight } = this.element;
    const bottom = row.offsetTop + row.offsetHeight;
    if (row.offsetTop < scrollTop) this.element.scrollTop = row.offsetTop;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
  }

  renderRow(id) {
    const number = this.annotator.objects.numberOf(id);
    const row = this.element.children[number - 1];
    if (number === 0 || !row || row.contains(document.activeElement)) this.render();
    else row.replaceWith(this.row(this.annotator.objects.shown[number - 1], number));
  }

  row(object, number) {
    const { annotator } = this;
    const row = document.createElement("li");
    if (object.id === annotator.selection.id) row.setAttribute("aria-current", "true");
    const choose = document.createElement("button");
    choose.type = "button";
    choose.dataset.key = `choose ${object.id}`;
    const position = annotator.positionOf(object.class);
    if (this.looks[position]) choose.append(swatchOf(this.looks[position]));
    choose.append(annotator.describe(object));
    choose.addEventListener("click", () => annotator.select(object.id));
    row.append(choose);
    if (!annotator.readOnly) row.append(this.removeButton(object, number));
    return row;
  }

  removeButton(object, number) {
    const remove = document.createElement("button");
    remove.type = "button";
    remove.dataset.key = `remove ${object.id}`;
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${formOf(object).tool.noun.one} ${number}`);
    remove.className = "soft";
    remove.addEventListener("click", () => {
      this.annotator.remove(object.id);
      // Not to the next row's button: Enter would remove an object that nobody meant.
      this.annotator.element.focus({ preventScroll: true });
      quiet();
    });
    return remove;
  }

  empty() {
    const row = document.createElement("li");
    const { readOnly, tool, coarse, noun } = this.annotator;
    row.className = "empty";
    if (readOnly || tool === null) row.textContent = `No ${noun.many} on this image.`;
    else if (coarse) row.textContent = `No ${noun.many} yet. ${tool.coarseHint}.`;
    else row.textContent = `No ${noun.many} yet. ${tool.hint}, or press N.`;
    return row;
  }
}
