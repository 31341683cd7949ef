/* The annotator: an image with objects to draw and edit. See docs/design-system.md.
 *
 * new Annotator(element, {imageUrl, width, height, classes, tools, objects, readOnly, overlays, thinning, list})
 *   width, height  of the upright full-resolution image; the file at imageUrl may be a smaller rendition of it
 *   classes        [{id, name, color?}] in schema order; number keys 1 to 9 follow it
 *   tools          the names of the schema's tools; those that draw can be chosen with useTool
 *   objects        the answer's objects; those of tools that this page does not have pass through untouched
 *   overlays       [{tool, geom, label, tone: "agreed" | "suggested" | "removed", color?}], drawn but never edited
 *   thinning       offers fewer points for an object of many: see thinning.js
 *   list           an <ol> to fill; without one, an <ol> is inserted after the element
 * Events: "change" {objects, reason}, "sketch", "select" {id}, "class" {id}, "tool" {tool}, "ready", "view" {scale}.
 */

import { ActionBar } from "./action_bar.js";
import { Announcer } from "./announcer.js";
import { formOf } from "./forms.js";
import { ImageLoader } from "./image_loader.js";
import { KeyboardInput } from "./keyboard.js";
import { Magnifier } from "./magnifier.js";
import { ObjectList } from "./object_list.js";
import { MAX_OBJECTS, ObjectStore } from "./object_store.js";
import { PointEditing } from "./point_editing.js";
import { PointerInput } from "./pointer.js";
import { Renderer } from "./renderer.js";
import { Selection } from "./selection.js";
import { drawingTools, nounOf } from "./tools/index.js";
import { Viewport } from "./viewport.js";

export class Annotator extends EventTarget {
  constructor(element, options) {
    super();
    const { imageUrl, classes, tools = [], objects = [], readOnly = false, overlays = [], thinning } = options;
    const { list = null } = options;
    Object.assign(this, { element, classes, readOnly, overlays, thinning });
    this.tools = drawingTools({ tools });
    this.tool = this.tools[0] ?? null;
    this.classId = classes[0]?.id ?? null;
    this.objects = new ObjectStore(objects);
    this.selection = new Selection(this.objects);
    this.points = new PointEditing(this);
    this.viewport = new Viewport({ ...options, changed: () => this.viewChanged() });
    this.sketch = null;
    this.image = null;
    this.coarse = window.matchMedia("(pointer: coarse)").matches;
    this.panTool = false;
    this.panHeld = false;
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
    if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", `Image. Draw ${this.noun.many} here.`);
    this.stageHost = document.createElement("div");
    element.append(this.stageHost);
    this.announcer = new Announcer(element);
    this.bar = new ActionBar(this);
    this.ownList = list === null;
    const host = list ?? document.createElement("ol");
    if (this.ownList) element.after(host);
    this.list = new ObjectList(this, host);
  }

  listen() {
    this.resizer = new ResizeObserver(() => this.measure());
    this.resizer.observe(this.element);
    this.selection.addEventListener("select", ({ detail }) => {
      this.objects.endRun();
      this.refresh();
      this.announceSelection();
      this.emit("select", detail);
    });
    this.objects.addEventListener("change", ({ detail: { reason } }) => {
      if (this.selection.object === null) this.selection.select(null);
      else this.points.check();
      if (reason === "edit") this.refreshSelected();
      else this.refresh();
      if (reason !== "set") this.emit("change", this.changeDetail(reason));
      if (reason === "edit") this.announceSelection();
      this.endWarning();
    });
  }

  /* The copy is made for those who ask for it: on every step of a drag it would stutter. */
  changeDetail(reason) {
    const annotator = this;
    return {
      reason,
      get objects() {
        return annotator.getObjects();
      },
    };
  }

  get ready() {
    return this.image !== null;
  }

  get panning() {
    return this.panTool || this.panHeld;
  }

  get frame() {
    return this.viewport.frame;
  }

  get width() {
    return this.frame.width;
  }

  get height() {
    return this.frame.height;
  }

  get view() {
    return this.viewport.view;
  }

  get visible() {
    return this.viewport.visible;
  }

  /** The word for what is drawn here. */
  get noun() {
    return nounOf(this.tools);
  }

  /* Public API: the answer */

  getObjects() {
    return structuredClone(this.objects.all);
  }

  setObjects(objects) {
    this.endSketch();
    this.objects.replaceAll(structuredClone(objects));
    this.selection.select(null);
  }

  setOverlays(overlays) {
    this.overlays = overlays;
    this.renderer.draw();
  }

  /** Switches to another image with its own size, objects and overlays. */
  show({ imageUrl, width, height, objects = [], overlays = [] }) {
    this.image = null;
    this.renderer.setImage(undefined);
    this.overlays = overlays;
    this.setObjects(objects);
    this.viewport.show({ width, height });
    this.measure();
    this.imageLoader.load(imageUrl);
  }

  setReadOnly(readOnly) {
    this.endSketch();
    this.readOnly = readOnly;
    this.refresh();
  }

  /* Public API: drawing and editing */

  /** Chooses the tool that draws from now on. */
  useTool(name) {
    const tool = this.tools.find((item) => item.name === name);
    if (!tool || tool === this.tool || this.warnIfUnfinished()) return;
    this.endSketch();
    this.tool = tool;
    this.list.render();
    this.emit("tool", { tool });
  }

  /** Sets the class of the selected object and of those drawn from now on. */
  setClass(id) {
    if (!this.classes.some((item) => item.id === id)) return false;
    this.classId = id;
    const { object } = this.selection;
    if (object && object.class !== id && !this.readOnly) this.objects.setClass(object.id, id);
    this.sketchChanged();
    this.emit("class", { id });
    return true;
  }

  setClassAt(position) {
    const item = this.classes[position];
    return item !== undefined && this.setClass(item.id);
  }

  /** What the tool's button and N do: an object in the center, or the beginning of one. */
  place() {
    if (this.tool !== null && this.mayAdd()) this.tool.place(this);
  }

  mayAdd() {
    if (this.classId === null || this.readOnly) return false;
    if (this.objects.isFull) {
      const limit = MAX_OBJECTS.toLocaleString("en-US");
      this.warn(`An answer holds at most ${limit} ${this.noun.many}. This one was not added.`);
    }
    return !this.objects.isFull;
  }

  add(geom, { drawn = false } = {}) {
    if (!this.mayAdd()) return;
    const object = this.objects.add({ classId: this.classId, tool: this.tool.name, geom });
    this.selection.select(object.id, { drawn });
    this.announcer.added(this.describe(object));
  }

  /** Adds an object drawn by pointer: a drag inside it draws another until it is pressed. */
  addDrawn(geom) {
    this.add(geom, { drawn: true });
  }

  /** Changes the geometry of an object, unless it could then not be saved any more.
   * @returns {boolean} whether it was changed */
  reshape(id, geom, run = null) {
    const object = this.objects.find(id);
    const { tool } = formOf(object);
    const problem = tool.problem(geom);
    if (problem && !tool.problem(object.geom)) {
      this.warn(problem);
      return false;
    }
    this.objects.reshape(id, geom, run);
    return true;
  }

  /** Removes the selected point, or else the selected object. */
  removeSelected() {
    const { object, pointId } = this.selection;
    if (object === null || this.readOnly) return;
    if (pointId === null) this.remove(object.id);
    else this.points.remove();
  }

  remove(id) {
    const { objects } = this;
    const object = objects.find(id);
    const number = objects.numberOf(id);
    const next = objects.shown[number] ?? objects.shown[number - 2] ?? null;
    objects.remove(id);
    this.selection.select(this.sketch ? null : (next?.id ?? null));
    this.announcer.removed(object, number, objects.shown.length);
  }

  undo() {
    if (this.sketch) this.sketch.undo();
    else this.say(this.objects.undo() ? "Undone." : "Nothing to undo.");
  }

  redo() {
    if (this.sketch) this.sketch.redo();
    else this.say(this.objects.redo() ? "Redone." : "Nothing to redo.");
  }

  select(id) {
    if (this.warnIfUnfinished()) return;
    this.endSketch();
    this.selection.select(id);
    this.reveal();
  }

  /* An object that is being drawn */

  /** Begins to draw with the current tool; null if no object may be added. */
  startSketch() {
    if (this.sketch) return this.sketch;
    if (this.tool === null || !this.mayAdd()) return null;
    this.selection.select(null);
    this.sketch = this.tool.sketch(this);
    this.endWarning();
    this.redraw();
    return this.sketch;
  }

  endSketch() {
    if (this.sketch === null) return;
    this.sketch = null;
    this.endWarning();
    this.sketchChanged();
  }

  /** The object that is being drawn, as plain data for `resumeSketch`; null if there is nothing to keep of it. */
  get storedSketch() {
    const stored = this.sketch?.stored ?? null;
    return stored && { ...stored, tool: this.tool.name, class: this.classId };
  }

  resumeSketch(stored) {
    this.useTool(stored.tool);
    if (this.tool?.name !== stored.tool) return;
    this.setClass(stored.class);
    this.startSketch()?.restore(stored);
  }

  /** Whether a drawing has been begun that has to be finished or discarded before the answer is saved. */
  get isUnfinished() {
    return this.sketch?.isWorthKeeping ?? false;
  }

  /** Whether a key belongs to the drawing, or to the selected point, rather than to the page. */
  usesKey(key) {
    return this.sketch !== null || (key === "Escape" && this.selection.pointId !== null);
  }

  /** Says what to do about it; returns whether it is there. */
  warnIfUnfinished() {
    const { isUnfinished, coarse, tool } = this;
    const how = coarse ? "Finish it with Done, or discard it." : "Finish it with Enter, or discard it with Escape.";
    if (isUnfinished) this.warn(`The ${tool.noun.one} is not finished. ${how}`);
    return isUnfinished;
  }

  /* Public API: the view */

  setPanTool(pan) {
    this.panTool = pan;
    this.setCursor(pan ? "pan" : "draw");
  }

  fit() {
    this.viewport.fit();
  }

  zoomBy(factor, point) {
    this.viewport.zoomBy(factor, point);
  }

  panBy(dx, dy) {
    this.viewport.panBy(dx, dy);
  }

  /** Pans just far enough to bring the selected object, or bounds of the image, into view. */
  reveal(bounds = null) {
    const { object } = this.selection;
    const shown = bounds ?? (object && formOf(object).bounds);
    if (shown) this.viewport.reveal(shown);
  }

  destroy() {
    for (const input of this.inputs) input.destroy();
    this.resizer.disconnect();
    this.imageLoader.destroy();
    this.renderer.destroy();
    this.element.replaceChildren();
    if (this.ownList) this.list.element.remove();
  }

  /* For the annotator's own parts and for sketches */

  viewChanged() {
    this.renderer?.draw();
    this.emit("view", { scale: this.view.scale });
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

  imageLoaded(image) {
    this.image = image;
    this.renderer.setImage(image);
    this.measure();
    this.emit("ready", {});
  }

  measure() {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    const size = { width: clientWidth, height: clientHeight };
    this.renderer.resize(size);
    this.viewport.resize(size);
  }

  sketchChanged() {
    this.redraw();
    this.emit("sketch", {});
  }

  /** After a change of the selected object or of the one that is being drawn. */
  redraw() {
    this.renderer.redraw();
    this.bar.render();
  }

  refresh() {
    this.renderer.draw();
    this.bar.render();
    this.list.render();
  }

  /* An edit changes one object; rebuilding hundreds of rows on every step of a drag would stutter. */
  refreshSelected() {
    this.redraw();
    this.list.renderRow(this.selection.id);
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

  describe(object) {
    const { tool } = formOf(object);
    return `${this.objects.numberOf(object.id)}. ${this.nameOf(object.class)}, ${tool.describe(object.geom)}`;
  }

  announceSelection() {
    const { object, pointId } = this.selection;
    if (object === null) return;
    if (pointId === null) this.announcer.selected(object, this.describe(object));
    else this.announcer.point(this.points.list, pointId);
  }

  say(text) {
    this.announcer.say(text);
  }

  warn(text) {
    this.announcer.warn(text);
  }

  endWarning() {
    this.announcer.endWarning();
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
