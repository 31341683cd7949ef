/* A line that is being drawn: by presses, one point each; by a drag along the outline; by a crosshair that the arrow keys
 * move. It is finished at its first point (if it is a ring), by a double click, by Enter or by its button. */

import { ARROWS } from "../arrows.js";
import { clamp } from "../geometry.js";
import { History } from "../history.js";
import { simplify } from "../outlines.js";
import { countPoints, position } from "../wording.js";
import { Sketch } from "./sketch.js";

/* In CSS pixels: the steps of the crosshair; how near it counts as on a point; between the points of a stroke, and how
 * far from them a point may lie that is left out. */
const STEP = 1;
const LONG_STEP = 20;
const REACH = 8;
const STROKE_STEP = 3;
const STROKE_TOLERANCE = 1.5;
/* A drag freehand that is shorter than this many times the reach is no round trip. */
const ROUND_TRIP = 4;
const NUMBERS = ["no", "one", "two", "three", "four"];

export class LineSketch extends Sketch {
  history = new History([]);
  stroke = null;
  crosshair = null;
  pointer = null;
  // Whether it was begun on purpose, by a key or a button, and waits for its first point.
  isArmed = false;

  get points() {
    return this.history.present;
  }

  get isLongEnough() {
    return this.points.length >= this.tool.least;
  }

  get isWorthKeeping() {
    return this.points.length > 1;
  }

  /** Its points, and how many there were after each step that can be undone. */
  get stored() {
    const { past, present } = this.history;
    const steps = new Set(past.map(({ length }) => length).filter((count) => count < present.length));
    return present.length > 0 ? { points: present, steps: [...steps].sort((a, b) => a - b) } : null;
  }

  restore({ points, steps }) {
    this.history.reset(
      points,
      steps.map((count) => points.slice(0, count)),
    );
    this.canvas.sketchChanged();
    this.canvas.say(`Go on with the unfinished ${this.tool.noun.one}: ${countPoints(points.length)}.`);
  }

  get preview() {
    const drawn = [...this.points, ...(this.stroke ?? [])];
    const next = this.stroke === null ? (this.crosshair ?? this.pointer) : null;
    const line = next && drawn.length > 0 ? [...drawn, [next.x, next.y]] : drawn;
    return {
      parts: line.length > 0 ? [[line]] : [],
      closed: false,
      dots: this.points,
      target: this.tool.closed && this.isLongEnough ? this.points[0] : null,
      crosshair: this.crosshair,
    };
  }

  get place() {
    const last = this.points.at(-1);
    return this.crosshair ?? (last ? { x: last[0], y: last[1] } : null);
  }

  get actions() {
    const { noun, closed } = this.tool;
    const isEmpty = this.points.length === 0;
    return [
      { label: "Remove the last point", icon: "undo", isDisabled: isEmpty, run: () => this.removeLast() },
      { label: `Discard the ${noun.one}`, icon: "x", run: () => this.discard() },
      {
        label: closed ? `Close the ${noun.one}` : `Finish the ${noun.one}`,
        text: "Done",
        isMain: true,
        run: () => this.finish(),
      },
    ];
  }

  /* The pointer */

  down(point) {
    this.pressed = this.snapped(point);
    this.crosshair = null;
    this.pointer = null;
  }

  drag(point) {
    const place = this.snapped(point);
    this.stroke ??= [at(this.pressed)];
    const [x, y] = this.stroke.at(-1);
    if (Math.hypot(place.x - x, place.y - y) * this.scale < STROKE_STEP) return;
    this.stroke.push(at(place));
    this.canvas.redraw();
  }

  up(reach) {
    const { stroke } = this;
    this.stroke = null;
    if (stroke === null) return;
    // A short one was a press of an unsteady hand.
    if (length(stroke) <= reach) {
      this.press(this.pressed, reach, false);
      return;
    }
    const line = [...this.points, ...simplify(stroke, STROKE_TOLERANCE / this.scale)];
    const isRoundTrip = length(stroke) > ROUND_TRIP * reach && distance(line[0], line.at(-1)) <= reach;
    const closes = this.tool.closed && isRoundTrip && line.length > this.tool.least;
    // The last point was meant to be the first one.
    this.push(closes ? line.slice(0, -1) : line);
    if (closes) this.finish();
    else this.sayPoints();
  }

  press(point, reach, again) {
    if (again || this.closesAt(point, reach)) this.finish();
    else this.add(this.pressed);
  }

  hover(point, reach) {
    this.pointer = this.snapped(point);
    this.canvas.redraw();
    return this.closesAt(point, reach) ? "close" : "draw";
  }

  revert() {
    this.stroke = null;
    if (this.points.length === 0 && !this.isArmed) this.canvas.endSketch();
    else this.canvas.redraw();
  }

  /* The keyboard */

  /** Waits for the first point, wherever it is: on another object too. */
  arm() {
    this.isArmed = true;
    if (this.canvas.coarse) {
      this.canvas.redraw();
      this.canvas.warn(`${this.tool.coarseHint}.`);
    } else this.takeKeyboard();
  }

  /** Shows the crosshair: at the last point, else in the middle of what is visible. */
  takeKeyboard() {
    const { x, y, w, h } = this.canvas.visible;
    this.crosshair = this.place ?? this.snapped({ x: x + w / 2, y: y + h / 2 });
    this.pointer = null;
    this.canvas.redraw();
    this.canvas.say(
      `Drawing a ${this.tool.noun.one}. Move the crosshair with the arrow keys, set a point with Space, finish with Enter.`,
    );
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const key = event.key.toLowerCase();
    if (event.key in ARROWS) this.moveCrosshair(ARROWS[event.key], event.shiftKey ? LONG_STEP : STEP);
    else if (key === " " && this.crosshair) this.add(this.crosshair);
    else if (key === "enter") this.enter();
    else if (key === "backspace" || key === "delete") this.removeLast();
    else if (key === "escape") this.discard();
    else if (key === "n") this.takeKeyboard();
    else return false;
    return true;
  }

  moveCrosshair([dx, dy], step) {
    if (this.crosshair === null) this.takeKeyboard();
    const pixels = Math.max(1, Math.round(step / this.scale));
    const { x, y } = this.crosshair;
    this.crosshair = this.snapped({ x: x + dx * pixels, y: y + dy * pixels });
    this.canvas.reveal({ ...this.crosshair, w: 0, h: 0 });
    this.canvas.redraw();
    const first = this.closesAt(this.crosshair, REACH / this.scale) ? ". At the first point: Enter closes" : "";
    this.canvas.say(`${position(this.crosshair)}${first}`);
  }

  enter() {
    const { crosshair } = this;
    const last = this.points.at(-1);
    const isAtLast = crosshair !== null && last !== undefined && last[0] === crosshair.x && last[1] === crosshair.y;
    if (crosshair === null || isAtLast || this.closesAt(crosshair, REACH / this.scale)) this.finish();
    else this.add(crosshair);
  }

  /* Points */

  add(place) {
    const last = this.points.at(-1);
    if (last && last[0] === place.x && last[1] === place.y) return;
    this.push([...this.points, at(place)]);
    const closes = this.tool.closed && this.points.length === this.tool.least ? " Enter closes the outline." : "";
    this.canvas.say(`Point ${this.points.length}, ${position(place)}.${closes}`);
  }

  push(points) {
    this.history.push(points);
    this.canvas.endWarning();
    this.canvas.sketchChanged();
  }

  removeLast() {
    if (this.points.length <= 1 && !this.isArmed) this.discard();
    else if (this.points.length > 0) {
      this.push(this.points.slice(0, -1));
      this.sayPoints();
    }
  }

  undo() {
    if (!this.history.undo() || (this.points.length === 0 && !this.isArmed)) this.discard();
    else this.sayPoints();
    this.canvas.sketchChanged();
  }

  redo() {
    if (this.history.redo()) this.sayPoints();
    else this.canvas.say("Nothing to redo.");
    this.canvas.sketchChanged();
  }

  sayPoints() {
    this.canvas.say(`${countPoints(this.points.length)}.`);
  }

  discard() {
    this.canvas.endSketch();
    this.canvas.say(`Discarded the unfinished ${this.tool.noun.one}.`);
  }

  /** Makes it an object, or says what it lacks. */
  finish() {
    const { tool, canvas, points } = this;
    const geom = tool.geomOf([[points]]);
    const problem = this.isLongEnough ? tool.problem(geom) : this.tooShort;
    if (problem) canvas.warn(problem);
    else {
      canvas.endSketch();
      canvas.addDrawn(geom);
    }
  }

  get tooShort() {
    const { noun, least } = this.tool;
    return `A ${noun.one} needs at least ${NUMBERS[least] ?? least} points. Add ${NUMBERS[least - this.points.length]} more.`;
  }

  /* Places */

  get scale() {
    return this.canvas.view.scale;
  }

  /** Whole pixels of the image. */
  snapped({ x, y }) {
    const { width, height } = this.canvas.frame;
    return { x: Math.round(clamp(x, 0, width)), y: Math.round(clamp(y, 0, height)) };
  }

  closesAt(point, reach) {
    return this.tool.closed && this.isLongEnough && distance(this.points[0], at(point)) <= reach;
  }
}

function at({ x, y }) {
  return [x, y];
}

function distance([ax, ay], [bx, by]) {
  return Math.hypot(ax - bx, ay - by);
}

function length(line) {
  return line.slice(1).reduce((sum, point, index) => sum + distance(line[index], point), 0);
}
