/* Mouse, touch and pen input.
 *
 * One finger or the left button draws, moves and resizes. Two fingers, the middle button, holding the space bar, or
 * the hand tool pan the view; the wheel and pinching zoom. A press without movement selects.
 * A drag that starts inside the selected box or on any outline moves that box; anywhere else it draws, so that
 * nested boxes need no separate mode. A box just drawn is selected, but a drag inside it draws until it is selected
 * by a press: whoever draws a nest goes on with the eggs.
 */

import { newId } from "../lib/ids.js";
import { boxBetween, clamp, handleAt, moveBox, onEdge, resizeBox, smallestAt, toImage } from "./geometry.js";

const MIN_MOVE = { mouse: 3, pen: 4, touch: 8 };
/* Half the hit area of a handle in CSS pixels: 24 px for a mouse, 44 px for a finger. */
const REACH = { mouse: 12, pen: 14, touch: 22 };
const EDGE = { mouse: 5, pen: 7, touch: 10 };

export class PointerInput {
  constructor(annotator) {
    this.annotator = annotator;
    this.pointers = new Map();
    this.gesture = null;
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { element } = annotator;
    element.addEventListener("pointerdown", (event) => this.down(event), { signal });
    element.addEventListener("pointermove", (event) => this.move(event), { signal });
    element.addEventListener("pointerup", (event) => this.up(event), { signal });
    element.addEventListener("pointercancel", (event) => this.cancel(event), { signal });
    // Otherwise a quick stroke starts a fling, which swallows the next tap wherever it lands.
    element.addEventListener("touchstart", (event) => this.preventFling(event), { signal, passive: false });
    element.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  destroy() {
    this.abort.abort();
  }

  preventFling(event) {
    if (!(event.target instanceof Element && event.target.closest("button"))) event.preventDefault();
  }

  at(event) {
    const bounds = this.annotator.element.getBoundingClientRect();
    const { clientLeft, clientTop } = this.annotator.element;
    return { x: event.clientX - bounds.left - clientLeft, y: event.clientY - bounds.top - clientTop };
  }

  down(event) {
    if (event.target instanceof Element && event.target.closest("button")) return;
    if (!this.annotator.ready || event.button > 1) return;
    event.preventDefault();
    this.annotator.element.focus({ preventScroll: true });
    this.annotator.element.setPointerCapture(event.pointerId);
    const point = this.at(event);
    this.pointers.set(event.pointerId, point);
    this.annotator.setCoarse(event.pointerType === "touch");
    if (this.pointers.size === 2) this.startPinch();
    else if (this.pointers.size === 1) this.gesture = this.begin(event, point);
  }

  begin(event, screen) {
    const { annotator } = this;
    const kind = event.pointerType in REACH ? event.pointerType : "mouse";
    const base = { kind, pointer: event.pointerId, screen, last: screen, moved: false, run: newId() };
    if (event.button === 1 || annotator.panning) return { ...base, type: "pan" };
    const start = toImage(annotator.view, screen);
    const target = this.target(start, kind);
    if (annotator.readOnly || target === null) return { ...base, type: annotator.readOnly ? "pan" : "draw", start };
    return { ...base, ...target, start };
  }

  /** What a drag from this image point would do to an existing box, or null. */
  target(point, kind) {
    const { objects, view } = this.annotator;
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
    if (selected && selected.id !== objects.drawnId && smallestAt([selected], point))
      return { type: "move", item: selected };
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
    if (!gesture.moved && distance < MIN_MOVE[gesture.kind]) return;
    gesture.moved = true;
    if (gesture.type === "pan") this.annotator.panBy(screen.x - gesture.last.x, screen.y - gesture.last.y);
    else this.edit(gesture, toImage(this.annotator.view, screen));
    gesture.last = screen;
    this.annotator.showMagnifier(gesture.type === "draw" || gesture.type === "resize" ? screen : null);
  }

  edit(gesture, point) {
    const { annotator } = this;
    const { width, height, objects } = annotator;
    const snapped = { x: Math.round(clamp(point.x, 0, width)), y: Math.round(clamp(point.y, 0, height)) };
    if (gesture.type === "draw") {
      const start = { x: Math.round(gesture.start.x), y: Math.round(gesture.start.y) };
      annotator.setDraft(boxBetween(start, snapped, width, height));
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
    this.gesture = this.pointers.size === 0 ? null : { type: "idle" };
    this.annotator.showMagnifier(null);
  }

  finish(gesture) {
    const { annotator } = this;
    const { draft } = annotator;
    if (!gesture.moved) {
      if (gesture.type !== "pan" || annotator.readOnly) this.press(gesture);
      return;
    }
    annotator.setDraft(null);
    if (gesture.type !== "draw" || draft === null) return;
    if (Math.min(draft.w, draft.h) * annotator.view.scale >= 3) annotator.addDrawn(draft);
  }

  press(gesture) {
    const point = gesture.start ?? toImage(this.annotator.view, gesture.screen);
    const reach = EDGE[gesture.kind] / this.annotator.view.scale;
    const hit = smallestAt(this.annotator.objects.boxes, point, reach);
    this.annotator.objects.select(hit ? hit.id : null);
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.abandon();
  }

  /** A second finger or the system took over the gesture: undo what it began. */
  abandon() {
    const { gesture, annotator } = this;
    annotator.setDraft(null);
    annotator.showMagnifier(null);
    const editing = gesture?.moved && (gesture.type === "move" || gesture.type === "resize");
    if (editing) annotator.objects.undo();
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
    this.annotator.panBy(now.middle.x - before.middle.x, now.middle.y - before.middle.y);
    if (before.span > 0) this.annotator.zoomBy(now.span / before.span, now.middle);
    this.gesture = { type: "pinch", ...now };
  }

  wheel(event) {
    if (!this.annotator.ready) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const step = clamp(event.deltaY * unit, -240, 240);
    // A trackpad pinch arrives as a wheel event with the Control key and small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    if (event.shiftKey) this.annotator.panBy(-event.deltaX - event.deltaY, 0);
    else this.annotator.zoomBy(Math.exp(-step * speed), this.at(event));
  }

  hover(event, screen) {
    const { annotator } = this;
    if (!annotator.ready || event.pointerType === "touch") return;
    annotator.setCursor(this.cursorAt(toImage(annotator.view, screen)));
  }

  cursorAt(point) {
    const { annotator } = this;
    if (annotator.panning) return "pan";
    if (annotator.readOnly) return "default";
    const target = this.target(point, "mouse");
    if (target === null) return "draw";
    return target.type === "resize" ? target.handle : "move";
  }
}
