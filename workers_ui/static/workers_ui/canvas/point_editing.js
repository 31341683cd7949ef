/* Editing of single points of the selected object, where its tool has points. */

import { formOf } from "./forms.js";
import { nearestEdge } from "./outlines.js";
import { countPoints } from "./wording.js";

export class PointEditing {
  constructor(annotator) {
    this.annotator = annotator;
  }

  get selection() {
    return this.annotator.selection;
  }

  /** What the selected object's tool does with points, or null. */
  get editing() {
    const { object } = this.selection;
    return object && formOf(object).tool.points;
  }

  /** The points of the selected object: [{id, x, y}]. */
  get list() {
    return this.editing?.list(this.selection.object.geom) ?? [];
  }

  /** The selected point, or null. */
  get selected() {
    const { pointId } = this.selection;
    return pointId === null ? null : (this.list.find(({ id }) => id === pointId) ?? null);
  }

  /** Forgets a selected point that is no longer there. */
  check() {
    if (this.selection.pointId !== null && this.selected === null) this.selection.selectPoint(null);
  }

  /** Selects the point that a drag of a handle has moved. */
  selectDragged(handleId) {
    if (this.editing) this.selection.selectPoint(this.editing.draggedBy(handleId));
  }

  /** Selects the point that is a handle; false if the handle is no point. */
  selectPressed(handleId) {
    if (!this.list.some(({ id }) => id === handleId)) return false;
    this.selection.selectPoint(handleId);
    return true;
  }

  /** Selects the next or the previous point; false if the selected object has none. */
  step(direction) {
    const { list } = this;
    if (list.length === 0) return false;
    const now = list.findIndex(({ id }) => id === this.selection.pointId);
    const next = now < 0 && direction < 0 ? list.length - 1 : (now + direction + list.length) % list.length;
    this.selection.selectPoint(list[next].id);
    this.reveal();
    return true;
  }

  /** Moves the selected point by keyboard. */
  move(dx, dy) {
    const { object, pointId } = this.selection;
    const geom = this.editing.move(object.geom, pointId, dx, dy, this.annotator.frame);
    this.annotator.reshape(object.id, geom, `point ${object.id} ${pointId}`);
    this.reveal();
  }

  /** Inserts a point after the selected one. */
  insertAfterSelected() {
    const { object, pointId } = this.selection;
    if (pointId === null) return false;
    this.insert(this.editing.placeAfter(object.geom, pointId));
    return true;
  }

  /** Inserts a point on the selected object's outline, within `reach` of a point {x, y}; false if it is not there. */
  insertNear(point, reach) {
    if (!this.editing) return false;
    const { tool, parts } = formOf(this.selection.object);
    const isOnPoint = this.list.some(({ x, y }) => Math.hypot(x - point.x, y - point.y) <= reach / 2);
    const place = nearestEdge(parts, tool.closed, point);
    if (isOnPoint || place.distance > reach) return false;
    this.insert(place);
    return true;
  }

  insert(place) {
    const { object } = this.selection;
    const geom = this.editing.insert(object.geom, place, this.annotator.frame);
    if (this.annotator.reshape(object.id, geom)) this.selection.selectPoint(this.editing.idAt(place));
  }

  /** Removes the selected point and selects the one before it. */
  remove() {
    const { annotator, editing } = this;
    const { object, pointId } = this.selection;
    const index = this.list.findIndex(({ id }) => id === pointId);
    const geom = editing.remove(object.geom, pointId);
    if (geom === null) {
      const { least, noun } = formOf(object).tool;
      annotator.warn(
        `A ${noun.one} needs at least ${countPoints(least)}. To remove all of it, press Escape, then Delete.`,
      );
    } else if (annotator.reshape(object.id, geom)) {
      const { list } = this;
      this.selection.selectPoint(list[Math.min(Math.max(0, index - 1), list.length - 1)].id);
      annotator.say(`Removed the point. ${list.length} left.`);
    }
  }

  reveal() {
    const { selected } = this;
    if (selected) this.annotator.reveal({ x: selected.x, y: selected.y, w: 0, h: 0 });
  }

  /** Buttons on the image: see action_bar.js. */
  get actions() {
    const { annotator, selection } = this;
    if (annotator.readOnly) return [];
    if (selection.pointId === null) return annotator.thinning?.actions(this) ?? [];
    return [{ label: "Remove the point", icon: "trash", text: "Remove point", run: () => this.remove() }];
  }
}
