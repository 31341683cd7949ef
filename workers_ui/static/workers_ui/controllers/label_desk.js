/* One image with its label: the annotator, the image's class and the boxes' classes, as the project's schema asks.
 * It holds no rules: the server validates what answer() returns.
 *
 *   const desk = new LabelDesk(controller, schema, {editing: true});
 *   desk.show({url, width, height, name, answer, overlays});
 *
 * It uses the controller's targets "surface", "list", "image-part", "image-classes", "box-part", "box-classes",
 * "edit" and "name". */

import { Annotator } from "../canvas/annotator.js";
import { ClassPicker } from "../canvas/class_picker.js";
import { quiet } from "../lib/quiet.js";

export class LabelDesk {
  constructor(controller, schema, { editing }) {
    this.part = (name) => controller.target(name);
    this.classes = schema.classes.map(({ number, name, color }) => ({ id: number, name, color }));
    this.needsClass = schema.tools.includes("class");
    this.drawsBoxes = schema.tools.includes("box");
    this.annotator = null;
    this.picker = this.imagePicker();
    this.editing = editing;
  }

  imagePicker() {
    if (!this.needsClass) return null;
    // When boxes are drawn too, the number keys belong to the annotator.
    return new ClassPicker(this.part("image-classes"), { classes: this.classes, keys: !this.drawsBoxes, large: true });
  }

  boxPicker() {
    const picker = new ClassPicker(this.part("box-classes"), { classes: this.classes, value: this.annotator.classId });
    picker.addEventListener("change", ({ detail }) => this.annotator.setClass(detail.value));
    this.annotator.addEventListener("class", ({ detail }) => picker.set(detail.id));
    return picker;
  }

  show({ url, width, height, name, answer = null, overlays = [] }) {
    const objects = answer?.objects ?? [];
    const image = { imageUrl: url, width, height, objects, overlays };
    if (this.annotator) this.annotator.show(image);
    else {
      const readOnly = !this.editing || !this.drawsBoxes;
      this.annotator = new Annotator(this.part("surface"), {
        ...image,
        classes: this.classes,
        readOnly,
        list: this.part("list"),
      });
      if (this.drawsBoxes) this.boxes = this.boxPicker();
    }
    this.picker?.set(answer?.image?.class ?? null);
    const line = this.part("name");
    if (line) line.textContent = name;
    this.setEditing(this.editing);
  }

  /** Switches between editing and viewing. */
  setEditing(editing) {
    this.editing = editing;
    this.annotator.setReadOnly(!editing || !this.drawsBoxes);
    this.part("image-part").hidden = !editing || !this.needsClass;
    this.part("box-part").hidden = !editing || !this.drawsBoxes;
    this.part("edit").hidden = !editing || !this.drawsBoxes;
  }

  /** The current answer, or null if there is none yet; `empty` means that there is nothing to label. */
  answer({ empty = false } = {}) {
    const chosen = this.picker?.value ?? null;
    const objects = empty || !this.drawsBoxes ? [] : this.annotator.getObjects();
    const image = { class: chosen, tags: [], attrs: {} };
    if (this.needsClass && chosen === null) return null;
    if (chosen === null && objects.length === 0) return empty ? { image, objects, verdict: "empty" } : null;
    return { image, objects, verdict: "labels" };
  }

  /** Images that need a class cannot be empty. */
  get canBeEmpty() {
    return !this.needsClass;
  }

  nameOf(number) {
    return this.classes.find((item) => item.id === number)?.name ?? `class ${number}`;
  }

  /** An answer as text: "cat", "2 boxes: cup, leaf", "nothing to label", "cannot tell". */
  describe(answer) {
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
    this.annotator?.destroy();
  }
}

/** Handlers of the annotator's buttons, mixed into controllers that have a `desk`. */
export const annotatorButtons = {
  pan(event) {
    const button = event.currentTarget;
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.desk.annotator.setTool(pan ? "pan" : "box");
  },
  zoomIn() {
    this.desk.annotator.zoomBy(1.5);
  },
  zoomOut() {
    this.desk.annotator.zoomBy(1 / 1.5);
  },
  fit() {
    this.desk.annotator.fit();
  },
  add() {
    this.desk.annotator.addCentered();
    this.desk.annotator.element.focus();
  },
  undo() {
    this.desk.annotator.undo();
  },
  redo() {
    this.desk.annotator.redo();
  },
  remove() {
    this.desk.annotator.removeSelected();
    this.desk.annotator.element.focus({ preventScroll: true });
    quiet();
  },
};

/** Whether a key press belongs to a field or a dialog rather than to the desk. */
export function isTyping(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  return (
    event.target instanceof Element &&
    event.target.closest("input, select, textarea, dialog, [contenteditable]") !== null
  );
}
