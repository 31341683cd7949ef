/* Upright boxes: {x, y, w, h} in pixels of the image. A drag draws one; handles on corners and edges resize it. */

import { clamp, round } from "../geometry.js";
import { boxBetween, centeredBox, handleAt, handlePoints, moveBox, resizeBox } from "./box_geometry.js";
import { Sketch } from "./sketch.js";

/* A drag that is shorter on the screen was meant as a press. */
const SHORTEST_SIDE = 3;

export const box = {
  name: "box",
  noun: { one: "box", many: "boxes" },
  icon: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  key: "r",
  hint: "Drag across an object",
  coarseHint: "Drag across an object",
  placeLabel: "New box in the center",
  keys: [],
  closed: true,
  crisp: true,
  pressStarts: false,
  points: null,

  parts({ x, y, w, h }) {
    const [right, bottom] = [x + w, y + h];
    return [
      [
        [
          [x, y],
          [right, y],
          [right, bottom],
          [x, bottom],
        ],
      ],
    ];
  },

  identity({ x, y, w, h }) {
    return JSON.stringify([x, y, w, h]);
  },

  describe({ w, h }) {
    return `${Math.round(w)} × ${Math.round(h)} px`;
  },

  problem() {
    return null;
  },

  move(geom, dx, dy, { width, height }) {
    return plain(moveBox(geom, dx, dy, width, height));
  },

  resize(geom, dx, dy, { width, height }) {
    return plain(resizeBox(geom, "se", dx, dy, width, height));
  },

  handles(geom, gap) {
    const isSmall = Math.min(geom.w, geom.h) < gap;
    return Object.entries(handlePoints(geom))
      .filter(([name]) => !isSmall || name.length === 2)
      .map(([name, { x, y }]) => ({ id: name, x, y, kind: "corner", cursor: name }));
  },

  handleAt(geom, point, reach) {
    const name = handleAt(geom, point, reach);
    return name === null ? null : { id: name, cursor: name };
  },

  dragHandle(geom, name, dx, dy, { width, height }) {
    return plain(resizeBox(geom, name, dx, dy, width, height));
  },

  place(canvas) {
    const { width, height } = canvas.frame;
    canvas.add(plain(centeredBox(canvas.visible, width, height)));
  },

  sketch(canvas) {
    return new BoxSketch(canvas, this);
  },
};

/* Only what the wire has, with its decimals. */
function plain({ x, y, w, h }) {
  return { x: round(x), y: round(y), w: round(w), h: round(h) };
}

class BoxSketch extends Sketch {
  geom = null;

  get preview() {
    return { ...super.preview, parts: this.geom ? this.tool.parts(this.geom) : [], closed: true };
  }

  down({ x, y }) {
    this.start = { x: Math.round(x), y: Math.round(y) };
  }

  drag({ x, y }) {
    const { width, height } = this.canvas.frame;
    const end = { x: Math.round(clamp(x, 0, width)), y: Math.round(clamp(y, 0, height)) };
    this.geom = boxBetween(this.start, end, width, height);
    this.canvas.redraw();
  }

  up() {
    const { geom, canvas } = this;
    canvas.endSketch();
    if (geom !== null && Math.min(geom.w, geom.h) * canvas.view.scale >= SHORTEST_SIDE) canvas.addDrawn(geom);
  }
}
