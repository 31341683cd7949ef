/* Every edit by keyboard alone. Tab walks the boxes and then leaves; Escape lets go of the box. */

import { moveBox, resizeBox } from "./geometry.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HANDLE_OF_ARROW = { ArrowLeft: "e", ArrowRight: "e", ArrowUp: "s", ArrowDown: "s" };

export const KEYS = [
  ["Tab", "next box"],
  ["N", "new box in the middle"],
  ["Arrows", "move 1 px, with Shift 10 px"],
  ["Alt + arrows", "resize"],
  ["1 to 9", "set the class"],
  ["Delete", "remove the box"],
  ["Z / Y", "undo / redo"],
  ["+ / −", "zoom"],
  ["0", "show the whole image"],
  ["Escape", "let go of the box"],
];

export class KeyboardInput {
  constructor(surface) {
    this.surface = surface;
    this.abort = new AbortController();
    const { signal } = this.abort;
    surface.element.addEventListener("keydown", (event) => this.down(event), { signal });
    surface.element.addEventListener("keyup", (event) => this.up(event), { signal });
    surface.element.addEventListener("blur", () => surface.holdPan(false), { signal });
  }

  destroy() {
    this.abort.abort();
  }

  down(event) {
    if (event.target !== this.surface.element || !this.surface.ready) return;
    const handled = event.key === "Tab" ? this.tab(event) : this.arrow(event) || this.look(event) || this.edit(event);
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  up(event) {
    if (event.key === " ") this.surface.holdPan(false);
  }

  /** Returns false at both ends, so that focus leaves the surface as everywhere else. */
  tab(event) {
    const { objects } = this.surface;
    const ids = objects.boxes.map((item) => item.id);
    const now = ids.indexOf(objects.selectedId);
    const next = event.shiftKey ? now - 1 : now + 1;
    if (this.leaving || (event.shiftKey && now < 0) || next < 0 || next >= ids.length) {
      this.leaving = false;
      return false;
    }
    objects.select(ids[next]);
    this.surface.reveal();
    return true;
  }

  arrow(event) {
    const direction = ARROWS[event.key];
    if (!direction || event.ctrlKey || event.metaKey) return false;
    const { surface } = this;
    const { selected } = surface.objects;
    const step = event.shiftKey ? 10 : 1;
    const [dx, dy] = direction.map((part) => part * step);
    if (selected === null || surface.readOnly) {
      surface.panBy(-dx * 20, -dy * 20);
      return true;
    }
    const { width, height } = surface;
    const box = event.altKey
      ? resizeBox(selected.box, HANDLE_OF_ARROW[event.key], dx, dy, width, height)
      : moveBox(selected.box, dx, dy, width, height);
    surface.objects.reshape(selected.id, box, `keys ${selected.id} ${event.altKey}`);
    surface.reveal();
    return true;
  }

  look(event) {
    const { surface } = this;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "+" || event.key === "=") surface.zoomBy(1.25);
    else if (event.key === "-" || event.key === "_") surface.zoomBy(0.8);
    else if (event.key === "0") surface.fit();
    else if (event.key === " ") surface.holdPan(true);
    else if (event.key === "Escape") this.letGo();
    else return false;
    return true;
  }

  letGo() {
    // A second Escape, or Tab after Escape, means: out of here.
    this.leaving = true;
    this.surface.objects.select(null);
  }

  edit(event) {
    const { surface } = this;
    if (surface.readOnly || event.altKey) return false;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (key === "z" && event.shiftKey) surface.redo();
    else if (key === "z") surface.undo();
    else if (key === "y") surface.redo();
    else if (control) return false;
    else if (key === "n") surface.addCentred();
    else if (key === "delete" || key === "backspace") surface.removeSelected();
    else if (/^[1-9]$/.test(key)) return surface.setClassAt(Number(key) - 1);
    else return false;
    this.leaving = false;
    return true;
  }
}
