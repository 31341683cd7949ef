/* One image with its label: the annotator, the image's class and the objects' classes, as the project's schema asks.
 * It holds no rules: the server validates what answer() returns.
 *
 *   const desk = new LabelDesk(controller, schema, {editing: true});
 *   desk.show({url, width, height, name, answer, overlays});
 *
 * It uses the controller's targets "surface", "list", "image-part", "image-classes", "object-part", "object-classes",
 * "tools", "edit", "place", "remove" and "name". */

import { Annotator } from "../canvas/annotator.js";
import { ClassPicker } from "../canvas/class_picker.js";
import { Thinning } from "../canvas/thinning.js";
import { ToolSwitch } from "../canvas/tool_switch.js";
import { countObjects, drawingTools } from "../canvas/tools/index.js";
import { quiet } from "../lib/quiet.js";

export class LabelDesk {
  constructor(controller, schema, { editing }) {
    this.part = (name) => controller.target(name);
    this.classes = schema.classes.map(({ number, name, color }) => ({ id: number, name, color }));
    this.needsClass = schema.tools.includes("class");
    this.tools = schema.tools;
    this.draws = drawingTools(schema).length > 0;
    this.annotator = null;
    this.picker = this.imagePicker();
    this.editing = editing;
  }

  imagePicker() {
    if (!this.needsClass) return null;
    // When objects are drawn too, the number keys belong to the annotator.
    return new ClassPicker(this.part("image-classes"), { classes: this.classes, keys: !this.draws, large: true });
  }

  objectPicker() {
    const picker = new ClassPicker(this.part("object-classes"), {
      classes: this.classes,
      value: this.annotator.classId,
    });
    picker.addEventListener("change", ({ detail }) => this.annotator.setClass(detail.value));
    this.annotator.addEventListener("class", ({ detail }) => picker.set(detail.id));
    return picker;
  }

  show({ url, width, height, name, answer = null, overlays = [] }) {
    const objects = answer?.objects ?? [];
    const image = { imageUrl: url, width, height, objects, overlays };
    if (this.annotator) this.annotator.show(image);
    else {
      const readOnly = !this.editing || !this.draws;
      this.annotator = new Annotator(this.part("surface"), {
        ...image,
        classes: this.classes,
        tools: this.tools,
        readOnly,
        thinning: new Thinning(),
        list: this.part("list"),
      });
      if (this.draws) this.connectTools();
    }
    this.picker?.set(answer?.image?.class ?? null);
    const line = this.part("name");
    if (line) line.textContent = name;
    this.setEditing(this.editing);
  }

  connectTools() {
    this.objects = this.objectPicker();
    const [place, remove] = [this.part("place"), this.part("remove")];
    this.toolSwitch = new ToolSwitch(this.part("tools"), this.annotator, { place, remove });
  }

  /** Switches between editing and viewing. */
  setEditing(editing) {
    this.editing = editing;
    this.annotator.setReadOnly(!editing || !this.draws);
    this.part("image-part").hidden = !editing || !this.needsClass;
    this.part("object-part").hidden = !editing || !this.draws;
    this.part("edit").hidden = !editing || !this.draws;
  }

  /** The current answer, or null if there is none yet; `empty` means that there is nothing to label. */
  answer({ empty = false } = {}) {
    const chosen = this.picker?.value ?? null;
    const objects = empty || !this.draws ? [] : this.annotator.getObjects();
    const image = { class: chosen, tags: [], attrs: {} };
    if (this.needsClass && chosen === null) return null;
    if (chosen === null && objects.length === 0) return empty ? { image, objects, verdict: "empty" } : null;
    return { image, objects, verdict: "labels" };
  }

  /** Says so if a drawing has to be finished before the label is saved; returns whether it has to. */
  warnIfUnfinished() {
    return this.annotator.warnIfUnfinished();
  }

  /** The words for what is drawn: {one, many}. */
  get noun() {
    return this.annotator.noun;
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
    if (answer.objects?.length > 0) parts.push(`${countObjects(answer.objects)}: ${names.join(", ")}`);
    return parts.join(", ") || "nothing to label";
  }

  destroy() {
    this.picker?.destroy();
    this.objects?.destroy();
    this.toolSwitch?.destroy();
    this.annotator?.destroy();
  }
}

/** Handlers of the annotator's buttons, mixed into controllers that have a `desk`. */
export const annotatorButtons = {
  pan(event) {
    const button = event.currentTarget;
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.desk.annotator.setPanTool(pan);
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
    this.desk.annotator.place();
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
