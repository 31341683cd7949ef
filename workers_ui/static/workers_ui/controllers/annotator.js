/* <section data-controller="annotator" data-annotator-options="ID of a json_script">
 * Targets: "surface", "classes", "tools", "list", and buttons with data-annotator-action="click:undo" and the like.
 * Dispatches "annotator:change" {objects, reason}; the annotator itself is controllerOf(element, "annotator").annotator. */

import { Annotator } from "../canvas/annotator.js";
import { ClassPicker } from "../canvas/class_picker.js";
import { ToolSwitch } from "../canvas/tool_switch.js";
import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    const options = this.json("options");
    this.annotator = new Annotator(this.target("surface"), { ...options, list: this.target("list") });
    this.annotator.addEventListener("change", ({ detail }) => this.dispatch("change", detail));
    const classes = this.target("classes");
    if (classes) this.connectPicker(classes, options.classes);
    const tools = this.target("tools");
    if (tools) this.toolSwitch = new ToolSwitch(tools, this.annotator);
  }

  connectPicker(element, classes) {
    this.picker = new ClassPicker(element, { classes, value: this.annotator.classId });
    this.picker.addEventListener("change", ({ detail }) => this.annotator.setClass(detail.value));
    this.annotator.addEventListener("class", ({ detail }) => this.picker.set(detail.id));
    this.annotator.addEventListener("select", () => {
      const { object } = this.annotator.selection;
      if (object) this.annotator.setClass(object.class);
    });
  }

  disconnect() {
    this.picker?.destroy();
    this.toolSwitch?.destroy();
    this.annotator.destroy();
  }

  undo() {
    this.annotator.undo();
  }

  redo() {
    this.annotator.redo();
  }

  remove() {
    this.annotator.removeSelected();
  }

  add() {
    this.annotator.place();
    this.annotator.element.focus();
  }

  fit() {
    this.annotator.fit();
  }

  zoomIn() {
    this.annotator.zoomBy(1.5);
  }

  zoomOut() {
    this.annotator.zoomBy(1 / 1.5);
  }

  pan(event) {
    const button = event.currentTarget;
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.annotator.setPanTool(pan);
  }
}
