/* An object that is being drawn. The annotator has one at most and passes it the pointer, the keys and undo; this one
 * ignores them. `canvas` is the annotator: its frame, view and visible part, and what a sketch does with it:
 * addDrawn(geom), endSketch(), sketchChanged(), redraw(), reveal(bounds), say(text), warn(text) and endWarning().
 *
 * Points are {x, y} in the image frame. A gesture is down, then either drag and up, or press. */

export class Sketch {
  constructor(canvas, tool) {
    this.canvas = canvas;
    this.tool = tool;
  }

  /** What to draw of it: {parts, closed, dots, target, crosshair}; see renderer.js. */
  get preview() {
    return { parts: [], closed: false, dots: [], target: null, crosshair: null };
  }

  /** Whether work would be lost with it. */
  get isWorthKeeping() {
    return false;
  }

  /** As plain data, to go on with it after a reload; null if nothing is worth it. */
  get stored() {
    return null;
  }

  restore(_stored) {}

  /** Where the work is going on: a point of the image, or null. */
  get place() {
    return null;
  }

  /** Buttons on the image: [{label, icon, run, isMain, isDisabled}]. */
  get actions() {
    return [];
  }

  down(_point) {}

  drag(_point) {}

  /** The end of a drag; `reach` is how far from a point of the image a pointer still hits it. */
  up(_reach) {}

  /** The end of a gesture that did not move; `again` for the second of a double click. */
  press(_point, _reach, _again) {
    this.canvas.endSketch();
  }

  /** A mouse moved without a button; returns the cursor to show. */
  hover(_point, _reach) {
    return "draw";
  }

  /** A second finger or the system took over the gesture: undo what it began. */
  revert() {
    this.canvas.endSketch();
  }

  /** @returns {boolean} whether the key was used. */
  key(_event) {
    return false;
  }

  undo() {
    this.canvas.endSketch();
  }

  redo() {}
}
