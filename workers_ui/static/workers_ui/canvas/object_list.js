/* The boxes as a list next to the image: for screen readers, and for fingers when boxes are small. */

import { quiet } from "../lib/quiet.js";
import { looksOf, swatchOf } from "./palette.js";

export class ObjectList {
  constructor(annotator, element) {
    this.annotator = annotator;
    this.element = element;
    this.looks = looksOf(annotator.classes);
    element.classList.add("object-list");
    element.setAttribute("role", "list");
    element.setAttribute("aria-label", "Boxes on this image");
  }

  render() {
    const { objects } = this.annotator;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const rows = objects.boxes.map((item, index) => this.row(item, index + 1));
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
    else row.replaceWith(this.row(this.annotator.objects.boxes[number - 1], number));
  }

  row(item, number) {
    const { annotator } = this;
    const row = document.createElement("li");
    if (item.id === annotator.objects.selectedId) row.setAttribute("aria-current", "true");
    const choose = document.createElement("button");
    choose.type = "button";
    choose.dataset.key = `choose ${item.id}`;
    const position = annotator.positionOf(item.object.class);
    if (this.looks[position]) choose.append(swatchOf(this.looks[position]));
    choose.append(annotator.describe(item, number));
    choose.addEventListener("click", () => annotator.selectBox(item.id));
    row.append(choose);
    if (!annotator.readOnly) row.append(this.removeButton(item, number));
    return row;
  }

  removeButton(item, number) {
    const remove = document.createElement("button");
    remove.type = "button";
    remove.dataset.key = `remove ${item.id}`;
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove box ${number}`);
    remove.className = "soft";
    remove.addEventListener("click", () => {
      this.annotator.objects.remove(item.id);
      // Not to the next row's button: Enter would remove a box that nobody meant.
      this.annotator.element.focus({ preventScroll: true });
      quiet();
    });
    return remove;
  }

  empty() {
    const row = document.createElement("li");
    row.className = "empty";
    const hint = this.annotator.coarse ? "." : ", or press N.";
    row.textContent = this.annotator.readOnly
      ? "No boxes on this image."
      : `No boxes yet. Drag across an object${hint}`;
    return row;
  }
}
