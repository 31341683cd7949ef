/* The boxes as a list beside the picture: what a screen reader reads, and what a finger taps when boxes are small. */

import { swatchOf } from "./palette.js";

export class ObjectList {
  constructor(surface, element) {
    this.surface = surface;
    this.element = element;
    element.classList.add("object-list");
    element.setAttribute("role", "list");
    element.setAttribute("aria-label", "Boxes on this image");
  }

  render() {
    const { objects } = this.surface;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const rows = objects.boxes.map((item, index) => this.row(item, index + 1));
    this.element.replaceChildren(...(rows.length > 0 ? rows : [this.empty()]));
    if (focused) this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    this.reveal();
  }

  /* Scrolls the list alone: scrollIntoView would move the page under the picture. */
  reveal() {
    const row = this.element.querySelector("[aria-current]");
    if (!row) return;
    const { scrollTop, clientHeight } = this.element;
    const bottom = row.offsetTop + row.offsetHeight;
    if (row.offsetTop < scrollTop) this.element.scrollTop = row.offsetTop;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
  }

  renderRow(id) {
    const number = this.surface.objects.numberOf(id);
    const row = this.element.children[number - 1];
    if (number === 0 || !row || row.contains(document.activeElement)) this.render();
    else row.replaceWith(this.row(this.surface.objects.boxes[number - 1], number));
  }

  row(item, number) {
    const { surface } = this;
    const row = document.createElement("li");
    if (item.id === surface.objects.selectedId) row.setAttribute("aria-current", "true");
    const choose = document.createElement("button");
    choose.type = "button";
    choose.dataset.key = `choose ${item.id}`;
    const position = surface.positionOf(item.object.class);
    choose.append(swatchOf(position, surface.classes[position]?.color), surface.describe(item, number));
    choose.addEventListener("click", () => surface.choose(item.id));
    row.append(choose);
    if (!surface.readOnly) row.append(this.removeButton(item, number));
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
      this.surface.objects.remove(item.id);
      (this.element.querySelector("button") ?? this.surface.element).focus();
    });
    return remove;
  }

  empty() {
    const row = document.createElement("li");
    row.className = "empty";
    const keys = this.surface.coarse ? "." : ", or press N.";
    row.textContent = this.surface.readOnly ? "No boxes on this image." : `No boxes yet. Drag across an object${keys}`;
    return row;
  }
}
