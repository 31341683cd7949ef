/* The objects of one image: boxes, which the annotator edits, and those of other tools, which pass through untouched. */

import { newId } from "../lib/ids.js";
import { round } from "./geometry.js";
import { History } from "./history.js";

/* The most objects that one answer may have; the server refuses more. */
export const MAX_OBJECTS = 1000;

/** @typedef {{id: string, class: number, tool: string, geom: object, attrs: object}} LabelObject */

export function boxOf(object) {
  const { x, y, w, h } = object.geom;
  return { x, y, w, h };
}

export function geomOf(box) {
  return { x: round(box.x), y: round(box.y), w: round(box.w), h: round(box.h) };
}

export class ObjectStore extends EventTarget {
  constructor(objects = []) {
    super();
    this.history = new History([...objects]);
    this.selectedId = null;
    // The box drawn last, until anything is selected.
    this.drawnId = null;
  }

  get all() {
    return this.history.present;
  }

  get boxes() {
    return this.all
      .filter((object) => object.tool === "box")
      .map((object) => ({ id: object.id, object, box: boxOf(object) }));
  }

  get selected() {
    return this.boxes.find((item) => item.id === this.selectedId) ?? null;
  }

  /** 1-based number of a box, as shown in the list and on the image. */
  numberOf(id) {
    return this.boxes.findIndex((item) => item.id === id) + 1;
  }

  replaceAll(objects) {
    this.history.reset([...objects]);
    this.select(null);
    this.changed("set");
  }

  select(id) {
    this.drawnId = null;
    if (id === this.selectedId) return;
    this.selectedId = id;
    this.history.run = null;
    this.dispatchEvent(new CustomEvent("select", { detail: { id } }));
  }

  get isFull() {
    return this.all.length >= MAX_OBJECTS;
  }

  /** How many objects there are more than an answer may have. */
  get surplus() {
    return Math.max(0, this.all.length - MAX_OBJECTS);
  }

  add(box, classId) {
    const object = { id: newId(), class: classId, tool: "box", geom: geomOf(box), attrs: {} };
    this.history.push([...this.all, object]);
    this.select(object.id);
    this.changed("add");
    return object;
  }

  reshape(id, box, run = null) {
    this.update(id, { geom: geomOf(box) }, run);
  }

  setClass(id, classId) {
    this.update(id, { class: classId }, null);
  }

  update(id, change, run) {
    const next = this.all.map((object) => (object.id === id ? { ...object, ...change } : object));
    this.history.push(next, run);
    this.changed("edit");
  }

  remove(id) {
    const index = this.boxes.findIndex((item) => item.id === id);
    if (index < 0) return;
    this.history.push(this.all.filter((object) => object.id !== id));
    const left = this.boxes;
    this.select(left.length > 0 ? left[Math.min(index, left.length - 1)].id : null);
    this.changed("remove");
  }

  undo() {
    return this.step("undo");
  }

  redo() {
    return this.step("redo");
  }

  step(direction) {
    if (!this.history[direction]()) return false;
    if (this.selected === null) this.select(null);
    this.changed(direction);
    return true;
  }

  changed(reason) {
    this.dispatchEvent(new CustomEvent("change", { detail: { reason } }));
  }
}
