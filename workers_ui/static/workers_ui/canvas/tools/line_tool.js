/* What all tools have in common whose objects are lines of points: handles on points and on the middles of edges,
 * editing of single points, moving, resizing, and drawing point by point or freehand. */

import { boundsOf } from "../outlines.js";
import { countPoints } from "../wording.js";
import { LineSketch } from "./line_sketch.js";
import {
  idAfter,
  middleAfter,
  middlesOf,
  moved,
  pointsOf,
  resized,
  withoutPoint,
  withPointInserted,
  withPointMoved,
} from "./points.js";

const KEYS = [
  ["[ ]", "select a point"],
  ["← → ↑ ↓", "move the selected point (Shift: 10 px)"],
  ["I", "insert a point after it"],
  ["Del", "remove the selected point"],
];

/** A tool of index.js. `own` has its name, noun, icon, key, hints, closed, and
 *   least                fewest points of a line
 *   parts(geom), geomOf(parts), identity(geom), problem(geom) */
export function lineTool(own) {
  const { noun, closed, least, parts, geomOf } = own;
  const edit =
    (change) =>
    (geom, ...values) =>
      geomOf(change(parts(geom), ...values));
  return {
    crisp: false,
    pressStarts: true,
    placeLabel: `New ${noun.one}`,
    keys: [...drawingKeys(own), ...KEYS],
    ...own,

    describe(geom) {
      return countPoints(pointsOf(parts(geom)).length);
    },

    move: edit(moved),
    resize: edit(resized),

    handles(geom, gap) {
      return [
        ...middlesOf(parts(geom), closed, gap).map((middle) => ({ ...middle, kind: "middle" })),
        ...pointsOf(parts(geom)).map((point) => ({ ...point, kind: "point" })),
      ];
    },

    handleAt(geom, point, reach) {
      if (isInMiddleOfSmall(boundsOf(parts(geom)), point, reach)) return null;
      const handle =
        nearest(pointsOf(parts(geom)), point, reach) ??
        nearest(middlesOf(parts(geom), closed, 2 * reach), point, reach);
      return handle && { id: handle.id, cursor: "move" };
    },

    dragHandle(geom, id, dx, dy, frame) {
      if (!id.startsWith("+")) return geomOf(withPointMoved(parts(geom), id, dx, dy, frame));
      const inserted = withPointInserted(parts(geom), middleAfter(parts(geom), id, closed), frame);
      return geomOf(withPointMoved(inserted, idAfter(id), dx, dy, frame));
    },

    /* Single points, for the annotator: ids, and geometries with one changed. */
    points: {
      list: (geom) => pointsOf(parts(geom)),
      /** The point that a drag of a handle has moved. */
      draggedBy: (id) => (id.startsWith("+") ? idAfter(id) : id),
      move: edit(withPointMoved),
      /** Inserts one on an edge: {part, line, at, point} of nearestEdge. */
      insert: edit(withPointInserted),
      placeAfter: (geom, id) => middleAfter(parts(geom), id, closed),
      idAt: ({ part, line, at }) => `${part}.${line}.${at + 1}`,
      own,
      /** Null if the object has too few points to lose one. */
      remove(geom, id) {
        const left = withoutPoint(parts(geom), id, least);
        return left && geomOf(left);
      },
    },

    place(canvas) {
      canvas.startSketch()?.arm();
    },

    sketch(canvas) {
      return new LineSketch(canvas, this);
    },
  };
}

function drawingKeys({ noun, closed }) {
  return [
    ["N", `new ${noun.one}, with a crosshair`],
    ["← → ↑ ↓", "move the crosshair (Shift: farther)"],
    ["Space", "set a point at the crosshair"],
    ["Enter", closed ? "set a point; at the first or last one: close" : "set a point; at the last one: finish"],
    ["Backspace", "remove the last point"],
    ["Escape", `discard the unfinished ${noun.one}`],
  ];
}

function nearest(points, { x, y }, reach) {
  let [best, bestDistance] = [null, reach];
  for (const point of points) {
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance <= bestDistance) [best, bestDistance] = [point, distance];
  }
  return best;
}

/* The middle of a small object stays free for moving it. */
function isInMiddleOfSmall({ x, y, w, h }, point, reach) {
  if (Math.min(w, h) >= 3 * reach) return false;
  return Math.abs(point.x - x - w / 2) < w / 6 && Math.abs(point.y - y - h / 2) < h / 6;
}
