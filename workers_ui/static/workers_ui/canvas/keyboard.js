/* Makes every edit possible by keyboard. Tab steps through the boxes, then leaves; Escape deselects. */

import { moveBox, resizeBox } from "./geometry.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HANDLE_OF_ARROW = { ArrowLeft: "e", ArrowRight: "e", ArrowUp: "s", ArrowDown: "s" };

export const KEYS = [
  ["Tab", "next box"],
  ["N", "new box in the center"],
  ["Arrows", "move 1 px (Shift: 10 px)"],
  ["Alt + arrows", "resize"],
  ["1 to 9", "set the class"],
  ["Delete", "remove the box"],
  ["Z / Y", "undo / redo"],
  ["+ / −", "zoom"],
  ["0", "show the whole image"],
  ["Escape", "deselect the box"],
];

export class KeyboardInput {
  constructor(annotator) {
    this.annotator = annotator;
    this.abort = new AbortController();
    const { signal } = this.abort;
    annotator.element.addEventListener("keydown", (event) => this.down(event), { signal });
    annotator.element.addEventListener("keyup", (event) => this.up(event), { signal });
    annotator.element.addEventListener("blur", () => annotator.holdPan(false), { signal });
  }

  destroy() {
    this.abort.abort();
  }

  down(event) {
    if (event.target !== this.annotator.element || !this.annotator.ready) return;
    const handled =
      event.key === "Tab" ? this.tab(event) : this.arrow(event) || this.changeView(event) || this.edit(event);
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  up(event) {
    if (event.key === " ") this.annotator.holdPan(false);
  }

  /** Returns false at both ends, so that the focus leaves the annotator as it leaves any other element. */
  tab(event) {
    const { objects } = this.annotator;
    const ids = objects.boxes.map((item) => item.id);
    const now = ids.indexOf(objects.selectedId);
    const next = event.shiftKey ? now - 1 : now + 1;
    if (this.leaving || (event.shiftKey && now < 0) || next < 0 || next >= ids.length) {
      this.leaving = false;
      return false;
    }
    objects.select(ids[next]);
    this.annotator.reveal();
    return true;
  }

  arrow(event) {
    const direction = ARROWS[event.key];
    if (!direction || event.ctrlKey || event.metaKey) return false;
    const { annotator } = this;
    const { selected } = annotator.objects;
    const step = event.shiftKey ? 10 : 1;
    const [dx, dy] = direction.map((part) => part * step);
    if (selected === null || annotator.readOnly) {
      annotator.panBy(-dx * 20, -dy * 20);
      return true;
    }
    const { width, height } = annotator;
    const box = event.altKey
      ? resizeBox(selected.box, HANDLE_OF_ARROW[event.key], dx, dy, width, height)
      : moveBox(selected.box, dx, dy, width, height);
    annotator.objects.reshape(selected.id, box, `keys ${selected.id} ${event.altKey}`);
    annotator.reveal();
    return true;
  }

  changeView(event) {
    const { annotator } = this;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "+" || event.key === "=") annotator.zoomBy(1.25);
    else if (event.key === "-" || event.key === "_") annotator.zoomBy(0.8);
    else if (event.key === "0") annotator.fit();
    else if (event.key === " ") annotator.holdPan(true);
    else if (event.key === "Escape") this.deselect();
    else return false;
    return true;
  }

  deselect() {
    // Tab after Escape leaves the annotator.
    this.leaving = true;
    this.annotator.objects.select(null);
  }

  edit(event) {
    const { annotator } = this;
    if (annotator.readOnly || event.altKey) return false;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (key === "z" && event.shiftKey) annotator.redo();
    else if (key === "z") annotator.undo();
    else if (key === "y") annotator.redo();
    else if (control) return false;
    else if (key === "n") annotator.addCentered();
    else if (key === "delete" || key === "backspace") annotator.removeSelected();
    else if (/^[1-9]$/.test(key)) return annotator.setClassAt(Number(key) - 1);
    else return false;
    this.leaving = false;
    return true;
  }
}
