/* Mouse, touch and pen input.
 *
 * One finger or the left button draws, moves and resizes. Two fingers, the middle button, holding the space bar, or
 * the hand tool pan the view; the wheel and pinching zoom. A press without movement selects, or begins an object where
 * nothing is below it and the tool draws by presses.
 * A drag that starts inside the selected object or on any outline moves that object; anywhere else it draws, so that
 * nested objects need no separate mode. An object just drawn is selected, but a drag inside it draws until it is
 * selected by a press: whoever draws a nest goes on with the eggs.
 * While an object is being drawn that takes several gestures, all of them are its own.
 */

import { newId } from "../lib/ids.js";
import { formOf, isOnOutline, smallestAt } from "./forms.js";
import { clamp } from "./geometry.js";

const MIN_MOVE = { mouse: 3, pen: 4, touch: 8 };
/* Half the hit area of a handle in CSS pixels: 24 px for a mouse, 44 px for a finger. */
const REACH = { mouse: 12, pen: 14, touch: 22 };
const EDGE = { mouse: 5, pen: 7, touch: 10 };
/* Two presses within this time, in milliseconds, and about the same place are a double click. */
const DOUBLE = 400;
const DOUBLE_REACH = { mouse: 5, pen: 8, touch: 16 };

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
    const base = {
      kind,
      pointer: event.pointerId,
      screen,
      last: screen,
      moved: false,
      run: newId(),
      at: event.timeStamp,
    };
    if (event.button === 1 || annotator.panning || annotator.readOnly) return { ...base, type: "pan" };
    const start = annotator.viewport.toImage(screen);
    if (annotator.sketch) {
      annotator.sketch.down(start);
      return { ...base, type: "draw", start };
    }
    return { ...base, type: "draw", ...this.target(start, kind), start };
  }

  /** What a drag from this image point would do to an existing object, or null. */
  target(point, kind) {
    const { objects, selection, view } = this.annotator;
    const selected = selection.object;
    if (selected) {
      const handle = formOf(selected).tool.handleAt(selected.geom, point, REACH[kind] / view.scale);
      if (handle) return { type: "handle", handle, object: selected };
    }
    const edge = EDGE[kind] / view.scale;
    const hit = smallestAt(
      objects.shown.filter((object) => isOnOutline(object, point, edge)),
      point,
      edge,
    );
    if (hit) return { type: "move", object: hit };
    if (selected && selected.id !== selection.drawnId && smallestAt([selected], point))
      return { type: "move", object: selected };
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
    const { gesture, annotator } = this;
    const distance = Math.hypot(screen.x - gesture.screen.x, screen.y - gesture.screen.y);
    if (!gesture.moved && distance < MIN_MOVE[gesture.kind]) return;
    if (distance > REACH[gesture.kind]) gesture.far = true;
    if (gesture.type === "pan") annotator.panBy(screen.x - gesture.last.x, screen.y - gesture.last.y);
    else if (gesture.type === "draw") this.draw(gesture, annotator.viewport.toImage(screen));
    else this.edit(gesture, annotator.viewport.toImage(screen));
    gesture.moved = true;
    gesture.last = screen;
    annotator.magnifier.show(gesture.type === "draw" || gesture.type === "handle" ? screen : null);
  }

  draw(gesture, point) {
    const { annotator } = this;
    if (!gesture.moved && !annotator.sketch) {
      gesture.began = true;
      annotator.startSketch()?.down(gesture.start);
    }
    annotator.sketch?.drag(point);
  }

  edit(gesture, point) {
    const { annotator } = this;
    const { object, start, handle, run } = gesture;
    const [dx, dy] = [Math.round(point.x - start.x), Math.round(point.y - start.y)];
    const { tool } = formOf(object);
    annotator.selection.select(object.id);
    const geom =
      gesture.type === "move"
        ? tool.move(object.geom, dx, dy, annotator.frame)
        : tool.dragHandle(object.geom, handle.id, dx, dy, annotator.frame);
    if (annotator.reshape(object.id, geom, run)) gesture.edited = true;
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const { gesture } = this;
    if (gesture?.pointer === event.pointerId) this.finish(gesture);
    this.gesture = this.pointers.size === 0 ? null : { type: "idle" };
    this.annotator.magnifier.show(null);
  }

  finish(gesture) {
    const { annotator } = this;
    const reach = REACH[gesture.kind] / annotator.view.scale;
    // With a tool that draws by presses, a short drag was a press of an unsteady hand.
    const wasPress = gesture.began && !gesture.far && annotator.tool?.pressStarts;
    if (wasPress) annotator.sketch?.revert();
    if (!gesture.moved || wasPress) this.press(gesture, reach);
    else if (gesture.type === "draw") annotator.sketch?.up(reach);
    else if (gesture.type === "handle" && gesture.edited) annotator.points.selectDragged(gesture.handle.id);
  }

  press(gesture, reach) {
    const { annotator } = this;
    if (gesture.type === "pan" && !annotator.readOnly) return;
    const again = this.isSecondPress(gesture);
    this.pressed = gesture;
    const point = annotator.viewport.toImage(gesture.screen);
    if (annotator.sketch) annotator.sketch.press(point, reach, again);
    else if (again && !annotator.readOnly && annotator.points.insertNear(point, reach)) this.pressed = null;
    else if (gesture.type !== "handle" || !annotator.points.selectPressed(gesture.handle.id))
      this.selectOrStart(gesture, point, reach);
  }

  /** Whether a press is the second of a double click. */
  isSecondPress({ at, screen, kind }) {
    const before = this.pressed;
    this.pressed = null;
    if (!before || at - before.at > DOUBLE) return false;
    return Math.hypot(screen.x - before.screen.x, screen.y - before.screen.y) <= DOUBLE_REACH[kind];
  }

  selectOrStart(gesture, point, reach) {
    const { annotator } = this;
    const { selection, objects, tool, readOnly } = annotator;
    const hit = smallestAt(objects.shown, point, EDGE[gesture.kind] / annotator.view.scale);
    // Next to an object that is selected, a press is meant to deselect it, unless it was drawn a moment ago.
    const starts =
      !hit && !readOnly && tool?.pressStarts && (selection.id === null || selection.id === selection.drawnId);
    if (!starts) {
      selection.select(hit?.id ?? null);
      return;
    }
    const sketch = annotator.startSketch();
    sketch?.down(point);
    sketch?.press(point, reach, false);
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.abandon();
  }

  /** A second finger or the system took over the gesture: undo what it began. */
  abandon() {
    const { gesture, annotator } = this;
    annotator.magnifier.show(null);
    if (gesture?.type === "draw") annotator.sketch?.revert();
    if (gesture?.edited) annotator.objects.undo();
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
    annotator.setCursor(this.cursorAt(annotator.viewport.toImage(screen)));
  }

  cursorAt(point) {
    const { annotator } = this;
    if (annotator.panning) return "pan";
    if (annotator.readOnly) return "default";
    if (annotator.sketch) return annotator.sketch.hover(point, REACH.mouse / annotator.view.scale);
    const target = this.target(point, "mouse");
    if (target === null) return "draw";
    return target.type === "handle" ? target.handle.cursor : "move";
  }
}
