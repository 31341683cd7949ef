/* Mouse, touch and pen on the surface.
 *
 * One finger or the left button draws, moves and resizes; two fingers, the middle button, the space bar held, or the
 * hand tool move the view; the wheel and a pinch zoom. A press that does not travel selects.
 * A drag that starts inside the selected box or on any outline moves that box; everywhere else it draws, so that
 * boxes within boxes can be drawn without a mode.
 */

import { boxBetween, clamp, handleAt, moveBox, onEdge, resizeBox, smallestAt, toImage } from "./geometry.js";
import { newId } from "../controllers/ids.js";

const TRAVEL = { mouse: 3, pen: 4, touch: 8 };
/* Half the hit area of a handle in CSS pixels: 24 px for a mouse, 44 px for a finger. */
const REACH = { mouse: 12, pen: 14, touch: 22 };
const EDGE = { mouse: 5, pen: 7, touch: 10 };

export class PointerInput {
  constructor(surface) {
    this.surface = surface;
    this.pointers = new Map();
    this.gesture = null;
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { element } = surface;
    element.addEventListener("pointerdown", (event) => this.down(event), { signal });
    element.addEventListener("pointermove", (event) => this.move(event), { signal });
    element.addEventListener("pointerup", (event) => this.up(event), { signal });
    element.addEventListener("pointercancel", (event) => this.cancel(event), { signal });
    // A quick stroke would else start a fling, which swallows the next tap wherever it falls.
    element.addEventListener("touchstart", (event) => this.claim(event), { signal, passive: false });
    element.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  destroy() {
    this.abort.abort();
  }

  claim(event) {
    if (!(event.target instanceof Element && event.target.closest("button"))) event.preventDefault();
  }

  at(event) {
    const bounds = this.surface.element.getBoundingClientRect();
    const { clientLeft, clientTop } = this.surface.element;
    return { x: event.clientX - bounds.left - clientLeft, y: event.clientY - bounds.top - clientTop };
  }

  down(event) {
    if (event.target instanceof Element && event.target.closest("button")) return;
    if (!this.surface.ready || event.button > 1) return;
    event.preventDefault();
    this.surface.element.focus({ preventScroll: true });
    this.surface.element.setPointerCapture(event.pointerId);
    const point = this.at(event);
    this.pointers.set(event.pointerId, point);
    this.surface.setCoarse(event.pointerType === "touch");
    if (this.pointers.size === 2) this.startPinch();
    else if (this.pointers.size === 1) this.gesture = this.begin(event, point);
  }

  begin(event, screen) {
    const { surface } = this;
    const kind = event.pointerType in REACH ? event.pointerType : "mouse";
    const base = { kind, pointer: event.pointerId, screen, last: screen, travelled: false, run: newId() };
    if (event.button === 1 || surface.panning) return { ...base, type: "pan" };
    const start = toImage(surface.view, screen);
    const target = this.target(start, kind);
    if (surface.readOnly || target === null) return { ...base, type: surface.readOnly ? "pan" : "draw", start };
    return { ...base, ...target, start };
  }

  /** What a drag from this image point would do to an existing box, or null. */
  target(point, kind) {
    const { objects, view } = this.surface;
    const { selected } = objects;
    if (selected) {
      const handle = handleAt(selected.box, point, REACH[kind] / view.scale);
      if (handle) return { type: "resize", handle, item: selected };
    }
    const edge = EDGE[kind] / view.scale;
    const hit = smallestAt(
      objects.boxes.filter((item) => onEdge(item.box, point, edge)),
      point,
      edge,
    );
    if (hit) return { type: "move", item: hit };
    if (selected && smallestAt([selected], point)) return { type: "move", item: selected };
    return null;
  }

  move(event) {
    const screen = this.at(event);
    if (!this.pointers.has(event.pointerId)) {
      this.hover(event, screen);
      return;
    }
    this.pointers.set(event.pointerId, screen);
    if (this.gesture?.type === "pinch") this.pinch();
    else if (this.gesture?.pointer === event.pointerId) this.drag(screen);
  }

  drag(screen) {
    const { gesture } = this;
    const distance = Math.hypot(screen.x - gesture.screen.x, screen.y - gesture.screen.y);
    if (!gesture.travelled && distance < TRAVEL[gesture.kind]) return;
    gesture.travelled = true;
    if (gesture.type === "pan") this.surface.panBy(screen.x - gesture.last.x, screen.y - gesture.last.y);
    else this.edit(gesture, toImage(this.surface.view, screen));
    gesture.last = screen;
    this.surface.showLoupe(gesture.type === "draw" || gesture.type === "resize" ? screen : null);
  }

  edit(gesture, point) {
    const { surface } = this;
    const { width, height, objects } = surface;
    const snapped = { x: Math.round(clamp(point.x, 0, width)), y: Math.round(clamp(point.y, 0, height)) };
    if (gesture.type === "draw") {
      const start = { x: Math.round(gesture.start.x), y: Math.round(gesture.start.y) };
      surface.setDraft(boxBetween(start, snapped, width, height));
      return;
    }
    objects.select(gesture.item.id);
    const [dx, dy] = [Math.round(point.x - gesture.start.x), Math.round(point.y - gesture.start.y)];
    const { box } = gesture.item;
    const next =
      gesture.type === "move"
        ? moveBox(box, dx, dy, width, height)
        : resizeBox(box, gesture.handle, dx, dy, width, height);
    objects.reshape(gesture.item.id, next, gesture.run);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const { gesture } = this;
    if (gesture?.pointer === event.pointerId) this.finish(gesture);
    this.gesture = this.pointers.size === 0 ? null : { type: "rest" };
    this.surface.showLoupe(null);
  }

  finish(gesture) {
    const { surface } = this;
    const { draft } = surface;
    if (!gesture.travelled) {
      if (gesture.type !== "pan" || surface.readOnly) this.press(gesture);
      return;
    }
    surface.setDraft(null);
    if (gesture.type !== "draw" || draft === null) return;
    if (Math.min(draft.w, draft.h) * surface.view.scale >= 3) surface.addBox(draft);
  }

  press(gesture) {
    const point = gesture.start ?? toImage(this.surface.view, gesture.screen);
    const reach = EDGE[gesture.kind] / this.surface.view.scale;
    const hit = smallestAt(this.surface.objects.boxes, point, reach);
    this.surface.objects.select(hit ? hit.id : null);
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.abandon();
  }

  /** A second finger, or the system, took the gesture over: what was begun is taken back. */
  abandon() {
    const { gesture, surface } = this;
    surface.setDraft(null);
    surface.showLoupe(null);
    const editing = gesture?.travelled && (gesture.type === "move" || gesture.type === "resize");
    if (editing) surface.objects.undo();
    this.gesture = null;
  }

  startPinch() {
    this.abandon();
    this.gesture = { type: "pinch", ...this.pinchState() };
  }

  pinchState() {
    const [a, b] = [...this.pointers.values()];
    return { span: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }

  pinch() {
    if (this.pointers.size < 2) return;
    const before = this.gesture;
    const now = this.pinchState();
    this.surface.panBy(now.middle.x - before.middle.x, now.middle.y - before.middle.y);
    if (before.span > 0) this.surface.zoomBy(now.span / before.span, now.middle);
    this.gesture = { type: "pinch", ...now };
  }

  wheel(event) {
    if (!this.surface.ready) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const step = clamp(event.deltaY * unit, -240, 240);
    // A pinch on a track pad arrives as a wheel with the control key and small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    if (event.shiftKey) this.surface.panBy(-event.deltaX - event.deltaY, 0);
    else this.surface.zoomBy(Math.exp(-step * speed), this.at(event));
  }

  hover(event, screen) {
    const { surface } = this;
    if (!surface.ready || event.pointerType === "touch") return;
    surface.setCursor(this.cursorAt(toImage(surface.view, screen)));
  }

  cursorAt(point) {
    const { surface } = this;
    if (surface.panning) return "pan";
    if (surface.readOnly) return "default";
    const target = this.target(point, "mouse");
    if (target === null) return "draw";
    return target.type === "resize" ? target.handle : "move";
  }
}
