/* The picture of a set with its tools: a surface to draw on, or one to look at; class buttons; the list of boxes. */

import { BoxCanvas } from "../canvas/box_canvas.js";
import { ClassPicker } from "../canvas/class_picker.js";

/** Events: "choose" {classId} (the image's class), "draw" {}. */
export class SetSurface extends EventTarget {
  constructor({ surface, imageClasses, boxClasses, list, question, first, url }) {
    super();
    this.question = question;
    this.readOnly = !question.draws;
    if (this.readOnly) surface.setAttribute("aria-label", "Image. Zoom with plus and minus, move with the arrows.");
    this.canvas = new BoxCanvas(surface, {
      imageUrl: url,
      width: first.width,
      height: first.height,
      classes: question.classes,
      readOnly: this.readOnly,
      list: question.draws ? list : document.createElement("ol"),
    });
    this.canvas.addEventListener("change", () => this.dispatchEvent(new CustomEvent("draw")));
    this.boxPicker = question.draws ? this.connectBoxPicker(boxClasses) : null;
    this.imagePicker = question.chooses ? this.connectImagePicker(imageClasses) : null;
  }

  connectImagePicker(element) {
    const { classes, draws } = this.question;
    const picker = new ClassPicker(element, { classes, large: true, keys: !draws, follow: false });
    picker.addEventListener("change", ({ detail }) => {
      this.dispatchEvent(new CustomEvent("choose", { detail: { classId: detail.value } }));
    });
    return picker;
  }

  connectBoxPicker(element) {
    const picker = new ClassPicker(element, { classes: this.question.classes, value: this.canvas.classId });
    picker.addEventListener("change", ({ detail }) => this.canvas.setClass(detail.value));
    this.canvas.addEventListener("class", ({ detail }) => picker.set(detail.id));
    this.canvas.addEventListener("select", () => {
      const { selected } = this.canvas.objects;
      if (selected) this.canvas.setClass(selected.object.class);
    });
    return picker;
  }

  get objects() {
    return this.canvas.getObjects();
  }

  get classId() {
    return this.imagePicker?.value ?? null;
  }

  show({ item, url, objects, classId, locked }) {
    this.canvas.setReadOnly(this.readOnly || locked);
    this.canvas.show({ imageUrl: url, width: item.width, height: item.height, objects });
    this.imagePicker?.set(classId);
    if (this.question.draws) this.canvas.element.focus({ preventScroll: true });
  }

  /** A button of the tool strip was pressed; its data-tool says which. */
  use(button) {
    const { canvas } = this;
    const acts = {
      add: () => canvas.addCentred(),
      undo: () => canvas.undo(),
      redo: () => canvas.redo(),
      remove: () => canvas.removeSelected(),
      fit: () => canvas.fit(),
      in: () => canvas.zoomBy(1.5),
      out: () => canvas.zoomBy(1 / 1.5),
      pan: () => this.togglePan(button),
    };
    acts[button.dataset.tool]();
    if (button.dataset.tool !== "pan") canvas.element.focus({ preventScroll: true });
  }

  togglePan(button) {
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.canvas.setTool(pan ? "pan" : "box");
  }

  destroy() {
    this.imagePicker?.destroy();
    this.boxPicker?.destroy();
    this.canvas.destroy();
  }
}
