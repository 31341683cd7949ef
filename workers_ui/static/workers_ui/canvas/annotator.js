/* The annotator: an image with boxes to draw and edit. See docs/design-system.md.
 *
 * new Annotator(element, {imageUrl, width, height, classes, objects, readOnly, overlays, list})
 *   width, height  of the upright full-resolution image; the file at imageUrl may be a smaller rendition of it
 *   classes        [{id, name, color?}] in schema order; number keys 1 to 9 follow it
 *   objects        the answer's objects; those whose tool is not "box" pass through untouched
 *   overlays       [{geom, label, tone: "agreed" | "suggested" | "removed", color?}], drawn but never edited
 *   list           an <ol> to fill; without one, an <ol> is inserted after the element
 * Events: "change" {objects, reason}, "select" {id}, "class" {id}, "ready", "view" {scale}.
 */

import { boxToScreen, centeredBox, fitView, keepInView, zoomAt } from "./geometry.js";
import { ImageLoader } from "./image_loader.js";
import { KeyboardInput } from "./keyboard.js";
import { Magnifier } from "./magnifier.js";
import { ObjectList } from "./object_list.js";
import { MAX_OBJECTS, ObjectStore } from "./object_store.js";
import { PointerInput } from "./pointer.js";
import { Renderer } from "./renderer.js";

const MAX_SCALE = 32;

export class Annotator extends EventTarget {
  constructor(element, options) {
    super();
    const { imageUrl, width, height, classes, objects = [], readOnly = false, overlays = [], list = null } = options;
    Object.assign(this, { element, width, height, classes, readOnly, overlays });
    this.classId = classes[0]?.id ?? null;
    this.objects = new ObjectStore(objects);
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = { width: 1, height: 1 };
    this.draft = null;
    this.image = null;
    this.coarse = window.matchMedia("(pointer: coarse)").matches;
    this.panTool = false;
    this.panHeld = false;
    this.fitted = true;
    this.prepare(list);
    this.renderer = new Renderer(this.stageHost, this);
    this.magnifier = new Magnifier(this);
    this.imageLoader = new ImageLoader(element, (image) => this.imageLoaded(image));
    this.inputs = [new PointerInput(this), new KeyboardInput(this)];
    this.listen();
    this.refresh();
    this.imageLoader.load(imageUrl);
  }

  prepare(list) {
    const { element } = this;
    element.classList.add("annotator");
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-roledescription", "image labeling surface");
    if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", "Image. Draw boxes here.");
    this.stageHost = document.createElement("div");
    this.live = document.createElement("p");
    this.live.className = "visually-hidden";
    this.live.setAttribute("aria-live", "polite");
    this.warning = document.createElement("p");
    this.warning.className = "annotator-warning";
    this.warning.hidden = true;
    element.append(this.stageHost, this.live, this.warning);
    this.ownList = list === null;
    const host = list ?? document.createElement("ol");
    if (this.ownList) element.after(host);
    this.list = new ObjectList(this, host);
  }

  listen() {
    this.resizer = new ResizeObserver(() => this.measure());
    this.resizer.observe(this.element);
    this.objects.addEventListener("select", ({ detail }) => {
      this.refresh();
      this.announceSelection();
      this.emit("select", detail);
    });
    this.objects.addEventListener("change", ({ detail }) => {
      if (detail.reason === "edit") this.refreshSelected();
      else this.refresh();
      if (detail.reason !== "set") this.emit("change", { objects: this.getObjects(), reason: detail.reason });
      if (detail.reason === "edit") this.announceSelection();
      this.warning.hidden = true;
    });
  }

  get ready() {
    return this.image !== null;
  }

  get panning() {
    return this.panTool || this.panHeld;
  }

  /* Public API: the answer */

  getObjects() {
    return structuredClone(this.objects.all);
  }

  setObjects(objects) {
    this.objects.replaceAll(structuredClone(objects));
  }

  setOverlays(overlays) {
    this.overlays = overlays;
    this.renderer.draw();
  }

  /** Switches to another image with its own size, objects and overlays. */
  show({ imageUrl, width, height, objects = [], overlays = [] }) {
    this.image = null;
    this.renderer.setImage(undefined);
    Object.assign(this, { width, height, overlays, fitted: true });
    this.setObjects(objects);
    this.measure();
    this.imageLoader.load(imageUrl);
  }

  setReadOnly(readOnly) {
    this.readOnly = readOnly;
    this.refresh();
  }

  /* Public API: editing */

  /** Sets the class of the selected box and of boxes drawn from now on. */
  setClass(id) {
    if (!this.classes.some((item) => item.id === id)) return false;
    this.classId = id;
    const { selected } = this.objects;
    if (selected && selected.object.class !== id && !this.readOnly) this.objects.setClass(selected.id, id);
    this.emit("class", { id });
    return true;
  }

  setClassAt(position) {
    const item = this.classes[position];
    return item !== undefined && this.setClass(item.id);
  }

  addBox(box) {
    if (this.classId === null || this.readOnly) return;
    if (this.objects.isFull) {
      this.warn(`An answer holds at most ${MAX_OBJECTS.toLocaleString("en-US")} boxes. This one was not added.`);
      return;
    }
    const object = this.objects.add(box, this.classId);
    this.say(`Added ${this.describe(this.objects.selected, this.objects.numberOf(object.id))}`);
  }

  /** Adds a box drawn by pointer: a drag inside it draws another until it is pressed. */
  addDrawn(box) {
    this.addBox(box);
    this.objects.drawnId = this.objects.selectedId;
  }

  addCentered() {
    this.addBox(centeredBox(this.view, this.size, this.width, this.height));
  }

  removeSelected() {
    const { selectedId } = this.objects;
    if (selectedId === null || this.readOnly) return;
    const number = this.objects.numberOf(selectedId);
    this.objects.remove(selectedId);
    this.say(`Removed box ${number}. ${this.objects.boxes.length} left.`);
  }

  undo() {
    this.say(this.objects.undo() ? "Undone." : "Nothing to undo.");
  }

  redo() {
    this.say(this.objects.redo() ? "Redone." : "Nothing to redo.");
  }

  selectBox(id) {
    this.objects.select(id);
    this.reveal();
  }

  /* Public API: the view */

  setTool(tool) {
    this.panTool = tool === "pan";
    this.setCursor(this.panTool ? "pan" : "draw");
  }

  fit() {
    this.fitted = true;
    this.setView(fitView(this.width, this.height, this.size));
  }

  zoomBy(factor, point = { x: this.size.width / 2, y: this.size.height / 2 }) {
    const smallest = Math.min(1, fitView(this.width, this.height, this.size).scale) / 2;
    this.fitted = false;
    this.setView(zoomAt(this.view, point, factor, smallest, MAX_SCALE));
  }

  panBy(dx, dy) {
    this.fitted = false;
    this.setView({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  /** Pans just far enough to bring the selected box into view. */
  reveal() {
    const { selected } = this.objects;
    if (!selected) return;
    const rect = boxToScreen(this.view, selected.box);
    const dx = shift(rect.x, rect.w, this.size.width);
    const dy = shift(rect.y, rect.h, this.size.height);
    if (dx !== 0 || dy !== 0) this.panBy(dx, dy);
  }

  destroy() {
    for (const input of this.inputs) input.destroy();
    this.resizer.disconnect();
    this.imageLoader.destroy();
    this.renderer.destroy();
    this.element.replaceChildren();
    if (this.ownList) this.list.element.remove();
  }

  /* For the annotator's own parts */

  setView(view) {
    this.view = keepInView(view, this.width, this.height, this.size);
    this.renderer.draw();
    this.emit("view", { scale: this.view.scale });
  }

  setDraft(box) {
    this.draft = box;
    this.renderer.draw();
  }

  setCoarse(coarse) {
    this.coarse = coarse;
  }

  holdPan(held) {
    this.panHeld = held;
    this.setCursor(this.panning ? "pan" : "draw");
  }

  setCursor(name) {
    this.element.dataset.cursor = name;
  }

  showMagnifier(screen) {
    this.magnifier.show(screen);
  }

  imageLoaded(image) {
    this.image = image;
    this.renderer.setImage(image);
    this.measure();
    this.emit("ready", {});
  }

  measure() {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.size = { width: clientWidth, height: clientHeight };
    this.renderer.resize(this.size);
    if (this.fitted) this.fit();
    else this.setView(this.view);
  }

  refresh() {
    this.renderer.draw();
    this.list.render();
  }

  /* An edit changes one box; rebuilding hundreds of rows on every step of a drag would stutter. */
  refreshSelected() {
    this.renderer.draw();
    this.list.renderRow(this.objects.selectedId);
  }

  positionOf(classId) {
    return Math.max(
      0,
      this.classes.findIndex((item) => item.id === classId),
    );
  }

  nameOf(classId) {
    return this.classes.find((item) => item.id === classId)?.name ?? `class ${classId}`;
  }

  describe(item, number) {
    const { w, h } = item.box;
    return `${number}. ${this.nameOf(item.object.class)}, ${Math.round(w)} × ${Math.round(h)} px`;
  }

  announceSelection() {
    const { selected } = this.objects;
    if (!selected) return;
    const { x, y } = selected.box;
    const description = this.describe(selected, this.objects.numberOf(selected.id));
    this.say(`${description}, ${Math.round(x)} from the left, ${Math.round(y)} from the top`);
  }

  say(text) {
    this.live.textContent = text;
  }

  /** Says a text to everyone, on the image; it disappears with the next change. */
  warn(text) {
    this.say(text);
    this.warning.textContent = text;
    this.warning.hidden = false;
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function shift(start, length, room) {
  const margin = 24;
  if (length > room - 2 * margin) return 0;
  if (start < margin) return margin - start;
  if (start + length > room - margin) return room - margin - start - length;
  return 0;
}
