/* The set page's image and its tools: the annotator (read-only unless objects are drawn), the choice of the drawing tool,
 * class buttons, list of objects. */

import { Annotator } from "../canvas/annotator.js";
import { ClassPicker } from "../canvas/class_picker.js";
import { ToolSwitch } from "../canvas/tool_switch.js";
import { regionOverlay } from "../canvas/tools/index.js";

/** Events: "choose" {classId} (the class of the image), "draw" {}, "sketch" {} (a change of the unfinished object). */
export class SetSurface extends EventTarget {
  constructor({ surface, tools, imageClasses, objectClasses, list, place, remove, question, first, url }) {
    super();
    this.question = question;
    this.readOnly = !question.draws;
    if (this.readOnly) surface.setAttribute("aria-label", "Image. Zoom with plus and minus, move with the arrows.");
    this.annotator = new Annotator(surface, {
      imageUrl: url,
      width: first.width,
      height: first.height,
      classes: question.classes,
      tools: question.tools,
      readOnly: this.readOnly,
      list: question.draws ? list : document.createElement("ol"),
    });
    this.annotator.addEventListener("change", () => this.dispatchEvent(new CustomEvent("draw")));
    this.annotator.addEventListener("sketch", () => this.dispatchEvent(new CustomEvent("sketch")));
    this.toolSwitch = question.draws ? new ToolSwitch(tools, this.annotator, { place, remove }) : null;
    this.objectPicker = question.draws ? this.connectObjectPicker(objectClasses) : null;
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

  connectObjectPicker(element) {
    const picker = new ClassPicker(element, { classes: this.question.classes, value: this.annotator.classId });
    picker.addEventListener("change", ({ detail }) => this.annotator.setClass(detail.value));
    this.annotator.addEventListener("class", ({ detail }) => picker.set(detail.id));
    this.annotator.addEventListener("select", () => {
      const { object } = this.annotator.selection;
      if (object) this.annotator.setClass(object.class);
    });
    return picker;
  }

  get objects() {
    return this.annotator.getObjects();
  }

  /** The object that is not finished, as plain data for `show`, or null. */
  get sketch() {
    return this.annotator.storedSketch;
  }

  /** The words for what is drawn: {one, many}. */
  get noun() {
    return this.annotator.noun;
  }

  /** How many objects have to be removed before the answer can be saved. */
  get surplus() {
    return this.annotator.objects.surplus;
  }

  /** Says so if a drawing has to be finished before the page goes on. */
  warnIfUnfinished() {
    return this.annotator.warnIfUnfinished();
  }

  get classId() {
    return this.imagePicker?.value ?? null;
  }

  /** region: the part of the image that a reviewer marked, or null. */
  show({ item, url, objects, sketch, classId, locked, region = null }) {
    this.annotator.setReadOnly(this.readOnly || locked);
    const overlays = region ? [regionOverlay(region, "Marked by the reviewer")] : [];
    this.annotator.show({ imageUrl: url, width: item.width, height: item.height, objects, overlays });
    if (sketch) this.annotator.resumeSketch(sketch);
    this.imagePicker?.set(classId);
    // Wherever the focus was, a key pressed next would act on an image that nobody has seen.
    this.annotator.element.focus({ preventScroll: true });
  }

  /** Runs the tool that a tool-strip button names in data-tool. */
  use(button) {
    const { annotator } = this;
    const actions = {
      add: () => annotator.place(),
      undo: () => annotator.undo(),
      redo: () => annotator.redo(),
      remove: () => annotator.removeSelected(),
      fit: () => annotator.fit(),
      in: () => annotator.zoomBy(1.5),
      out: () => annotator.zoomBy(1 / 1.5),
      pan: () => this.togglePan(button),
    };
    actions[button.dataset.tool]();
    if (button.dataset.tool !== "pan") annotator.element.focus({ preventScroll: true });
  }

  togglePan(button) {
    const pan = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pan));
    this.annotator.setPanTool(pan);
  }

  destroy() {
    this.imagePicker?.destroy();
    this.objectPicker?.destroy();
    this.toolSwitch?.destroy();
    this.annotator.destroy();
  }
}
