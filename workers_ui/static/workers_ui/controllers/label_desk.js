/* One image with its label: the canvas, the class of the image, the class of boxes, as the project's schema wants it.
 * It holds no rules: the server parses what answer() gives.
 *
 *   const desk = new LabelDesk(controller, schema, {editing: true});
 *   desk.show({url, width, height, name, answer, overlays});
 *
 * Parts are the controller's targets "surface", "list", "image-part", "image-classes", "box-part", "box-classes",
 * "edit" and "name". */

import { BoxCanvas } from "../canvas/box_canvas.js";
import { ClassPicker } from "../canvas/class_picker.js";

export class LabelDesk {
  constructor(controller, schema, { editing }) {
    this.part = (name) => controller.target(name);
    this.classes = schema.classes.map(({ number, name, color }) => ({ id: number, name, color }));
    this.wantsClass = schema.tools.includes("class");
    this.wantsBoxes = schema.tools.includes("box");
    this.canvas = null;
    this.picker = this.imagePicker();
    this.editing = editing;
  }

  imagePicker() {
    if (!this.wantsClass) return null;
    // With boxes too, the number keys belong to the canvas.
    return new ClassPicker(this.part("image-classes"), { classes: this.classes, keys: !this.wantsBoxes, large: true });
  }

  boxPicker() {
    const picker = new ClassPicker(this.part("box-classes"), { classes: this.classes, value: this.canvas.classId });
    picker.addEventListener("change", ({ detail }) => this.canvas.setClass(detail.value));
    this.canvas.addEventListener("class", ({ detail }) => picker.set(detail.id));
    return picker;
  }

  show({ url, width, height, name, answer = null, overlays = [] }) {
    const objects = answer?.objects ?? [];
    const image = { imageUrl: url, width, height, objects, overlays };
    if (this.canvas) this.canvas.show(image);
    else {
      const readOnly = !this.editing || !this.wantsBoxes;
      this.canvas = new BoxCanvas(this.part("surface"), { ...image, classes: this.classes, readOnly, list: this.part("list") });
      if (this.wantsBoxes) this.boxes = this.boxPicker();
    }
    this.picker?.set(answer?.image?.class ?? null);
    const line = this.part("name");
    if (line) line.textContent = name;
    this.edit(this.editing);
  }

  /** Open for changes, or only to look at. */
  edit(editing) {
    this.editing = editing;
    this.canvas.setReadOnly(!editing || !this.wantsBoxes);
    this.part("image-part").hidden = !editing || !this.wantsClass;
    this.part("box-part").hidden = !editing || !this.wantsBoxes;
    this.part("edit").hidden = !editing || !this.wantsBoxes;
  }

  /** The answer as it stands, or null when it says nothing yet; `empty` says that there is nothing to label. */
  answer({ empty = false } = {}) {
    const chosen = this.picker?.value ?? null;
    const objects = empty || !this.wantsBoxes ? [] : this.canvas.getObjects();
    const image = { class: chosen, tags: [], attrs: {} };
    if (this.wantsClass && chosen === null) return null;
    if (chosen === null && objects.length === 0) return empty ? { image, objects, verdict: "empty" } : null;
    return { image, objects, verdict: "labels" };
  }

  /** Of a project whose images all have a class, none can be empty. */
  get canBeEmpty() {
    return !this.wantsClass;
  }

  nameOf(number) {
    return this.classes.find((item) => item.id === number)?.name ?? `class ${number}`;
  }

  /** An answer in words: "cat", "2 boxes: cup, leaf", "nothing to label", "cannot tell". */
  words(answer) {
    if (answer.verdict === "cannot_tell") return "cannot tell";
    const parts = [];
    if (answer.image?.class != null) parts.push(this.nameOf(answer.image.class));
    const numbers = new Set((answer.objects ?? []).map((object) => object.class));
    const names = [...numbers].sort((a, b) => a - b).map((number) => this.nameOf(number));
    const count = answer.objects?.length ?? 0;
    if (count > 0) parts.push(`${count} box${count === 1 ? "" : "es"}: ${names.join(", ")}`);
    return parts.join(", ") || "nothing to label";
  }

  destroy() {
    this.picker?.destroy();
    this.boxes?.destroy();
    this.canvas?.destroy();
  }
}

/** The canvas buttons that every desk offers; mixed into a controller that has `desk`. */
export const canvasButtons = {
  pan(event) {
    const button = event.currentTarget;
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.desk.canvas.setTool(pan ? "pan" : "box");
  },
  zoomIn() {
    this.desk.canvas.zoomBy(1.5);
  },
  zoomOut() {
    this.desk.canvas.zoomBy(1 / 1.5);
  },
  fit() {
    this.desk.canvas.fit();
  },
  add() {
    this.desk.canvas.addCentred();
    this.desk.canvas.element.focus();
  },
  undo() {
    this.desk.canvas.undo();
  },
  redo() {
    this.desk.canvas.redo();
  },
  remove() {
    this.desk.canvas.removeSelected();
  },
};

/** Whether a key press belongs to a field or a dialog and not to the desk. */
export function isTyping(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  return event.target instanceof Element && event.target.closest("input, select, textarea, dialog, [contenteditable]") !== null;
}
