/* The objects of one image, with undo. Those of tools that this page does not have are kept, and never shown. */

import { newId } from "../lib/ids.js";
import { History } from "./history.js";
import { toolNamed } from "./tools/index.js";

/* The most objects that one answer may have; the server refuses more. */
export const MAX_OBJECTS = 1000;

/** @typedef {{id: string, class: number, tool: string, geom: object, attrs: object}} LabelObject */

/** Event: "change" {reason: "set" | "add" | "edit" | "remove" | "undo" | "redo"}. */
export class ObjectStore extends EventTarget {
  constructor(objects = []) {
    super();
    this.history = new History([...objects]);
  }

  get all() {
    return this.history.present;
  }

  /** The objects on the image, in the order of their numbers. */
  get shown() {
    if (this.shownOf !== this.all) {
      this.shownOf = this.all;
      this.shownObjects = this.all.filter((object) => toolNamed(object.tool) !== null);
    }
    return this.shownObjects;
  }

  find(id) {
    return this.shown.find((object) => object.id === id) ?? null;
  }

  /** 1-based number of an object, as shown in the list and on the image; 0 for none. */
  numberOf(id) {
    return this.shown.findIndex((object) => object.id === id) + 1;
  }

  get isFull() {
    return this.all.length >= MAX_OBJECTS;
  }

  /** How many objects there are more than an answer may have. */
  get surplus() {
    return Math.max(0, this.all.length - MAX_OBJECTS);
  }

  replaceAll(objects) {
    this.history.reset([...objects]);
    this.changed("set");
  }

  add({ classId, tool, geom }) {
    const object = { id: newId(), class: classId, tool, geom, attrs: {} };
    this.history.push([...this.all, object]);
    this.changed("add");
    return object;
  }

  /** Steps of the same `run` are undone together. */
  reshape(id, geom, run = null) {
    this.update(id, { geom }, run);
  }

  setClass(id, classId) {
    this.update(id, { class: classId }, null);
  }

  update(id, change, run) {
    const next = this.all.map((object) => (object.id === id ? { ...object, ...change } : object));
    this.history.push(next, run);
    this.changed("edit");
  }

  /** Whatever follows is undone on its own. */
  endRun() {
    this.history.run = null;
  }

  remove(id) {
    this.history.push(this.all.filter((object) => object.id !== id));
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
    this.changed(direction);
    return true;
  }

  changed(reason) {
    this.dispatchEvent(new CustomEvent("change", { detail: { reason } }));
  }
}
