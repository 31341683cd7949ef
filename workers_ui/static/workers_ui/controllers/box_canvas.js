/* <section data-controller="box-canvas" data-box-canvas-options="ID of a json_script">
 * Targets: "surface", "classes", "list", and buttons with data-box-canvas-action="click:undo" and the like.
 * Dispatches "box-canvas:change" {objects, reason}; the surface itself is controllerOf(element, "box-canvas").canvas. */

import { BoxCanvas } from "../canvas/box_canvas.js";
import { ClassPicker } from "../canvas/class_picker.js";
import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    const options = this.json("options");
    this.canvas = new BoxCanvas(this.target("surface"), { ...options, list: this.target("list") });
    this.canvas.addEventListener("change", ({ detail }) => this.dispatch("change", detail));
    const classes = this.target("classes");
    if (classes) this.connectPicker(classes, options.classes);
  }

  connectPicker(element, classes) {
    this.picker = new ClassPicker(element, { classes, value: this.canvas.classId });
    this.picker.addEventListener("change", ({ detail }) => this.canvas.setClass(detail.value));
    this.canvas.addEventListener("class", ({ detail }) => this.picker.set(detail.id));
    this.canvas.addEventListener("select", () => {
      const { selected } = this.canvas.objects;
      if (selected) this.canvas.setClass(selected.object.class);
    });
  }

  disconnect() {
    this.picker?.destroy();
    this.canvas.destroy();
  }

  undo() {
    this.canvas.undo();
  }

  redo() {
    this.canvas.redo();
  }

  remove() {
    this.canvas.removeSelected();
  }

  add() {
    this.canvas.addCentred();
    this.canvas.element.focus();
  }

  fit() {
    this.canvas.fit();
  }

  zoomIn() {
    this.canvas.zoomBy(1.5);
  }

  zoomOut() {
    this.canvas.zoomBy(1 / 1.5);
  }

  tool(event) {
    const button = event.currentTarget;
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.canvas.setTool(pan ? "pan" : "box");
  }
}
