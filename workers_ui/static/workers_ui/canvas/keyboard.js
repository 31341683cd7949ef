/* Makes every edit possible by keyboard. Tab steps through the objects, then leaves; Escape deselects. An object that is
 * being drawn comes first. */

import { ARROWS } from "./arrows.js";
import { formOf } from "./forms.js";

/* Without a selected object, the arrows pan by this many CSS pixels. */
const PAN = 20;

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
      event.key === "Tab"
        ? this.tab(event)
        : this.annotator.sketch?.key(event) ||
          this.point(event) ||
          this.arrow(event) ||
          this.changeView(event) ||
          this.edit(event);
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
    const { objects, selection, sketch } = this.annotator;
    const ids = objects.shown.map((object) => object.id);
    const now = ids.indexOf(selection.id);
    const next = event.shiftKey ? now - 1 : now + 1;
    if (sketch || this.leaving || (event.shiftKey && now < 0) || next < 0 || next >= ids.length) {
      this.leaving = false;
      return false;
    }
    this.annotator.select(ids[next]);
    return true;
  }

  /** Keys of the points of the selected object. */
  point(event) {
    const { points, readOnly, selection } = this.annotator;
    // Where brackets need AltGr, it counts as Control and Alt.
    const isPlain = event.ctrlKey === event.altKey && !event.metaKey;
    if (readOnly || selection.object === null || !isPlain) return false;
    if (event.key === "]") return points.step(1);
    if (event.key === "[") return points.step(-1);
    return event.key.toLowerCase() === "i" && points.insertAfterSelected();
  }

  arrow(event) {
    const direction = ARROWS[event.key];
    if (!direction || event.ctrlKey || event.metaKey) return false;
    const { annotator } = this;
    const { object, pointId } = annotator.selection;
    const step = event.shiftKey ? 10 : 1;
    const [dx, dy] = direction.map((part) => part * step);
    if (object === null || annotator.readOnly) annotator.panBy(-dx * PAN, -dy * PAN);
    else if (pointId !== null && !event.altKey) annotator.points.move(dx, dy);
    else this.change(object, event.altKey, dx, dy);
    return true;
  }

  change(object, resizes, dx, dy) {
    const { annotator } = this;
    const { tool } = formOf(object);
    const geom = resizes
      ? tool.resize(object.geom, dx, dy, annotator.frame)
      : tool.move(object.geom, dx, dy, annotator.frame);
    annotator.reshape(object.id, geom, `keys ${object.id} ${resizes}`);
    annotator.reveal();
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

  /** First the point, then its object. */
  deselect() {
    const { selection } = this.annotator;
    // Tab after Escape leaves the annotator.
    this.leaving = selection.pointId === null;
    if (selection.pointId !== null) selection.selectPoint(null);
    else selection.select(null);
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
    else if (key === "n") annotator.place();
    else if (key === "delete" || key === "backspace") annotator.removeSelected();
    else if (/^[1-9]$/.test(key)) return annotator.setClassAt(Number(key) - 1);
    else return false;
    this.leaving = false;
    return true;
  }
}
