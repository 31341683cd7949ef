/* Polygons: {parts: [[outer ring, hole, ...], ...]}, each ring a list of [x, y] in pixels of the image, closed
 * implicitly. A person draws one outer ring; holes and further parts come from imports, and their points can be moved. */

import { cross, distanceTo, edgesOf, enclosesArea, isInside, unturned } from "../outlines.js";
import { lineTool } from "./line_tool.js";

/* The server refuses more. */
export const MAX_VERTICES = 10000;
/* How far a hole may reach outside its outline, in pixels: rounding moves its points. */
const STRAY = 0.05;

export const polygon = lineTool({
  name: "polygon",
  noun: { one: "polygon", many: "polygons" },
  icon: "M6 18.5 4.5 9 12 4l8 4.5-2.5 10zM6 18.5v.1M4.5 9v.1M12 4v.1M20 8.5v.1M17.5 18.5v.1",
  key: "p",
  hint: "Click around an object, point by point, or drag along its outline",
  coarseHint: "Tap around an object, point by point, or drag along its outline",
  closed: true,
  least: 3,

  parts: ({ parts }) => parts,
  geomOf: (parts) => ({ parts }),

  identity({ parts }) {
    const texts = parts.map(([outer, ...holes]) => [text(outer), ...holes.map(text).sort()].join());
    return texts.sort().join(";");
  },

  problem({ parts }) {
    const rings = parts.flat();
    if (rings.some((ring) => ring.length < 3)) return "A polygon needs at least three points.";
    if (rings.flat().length > MAX_VERTICES)
      return `A polygon has at most ${MAX_VERTICES.toLocaleString("en-US")} points.`;
    if (!rings.every(enclosesArea)) return "These points are on one line. A polygon needs points around an area.";
    return parts.some(hasStrayHole) ? "A hole must stay inside its outline." : null;
  },
});

function text(ring) {
  return JSON.stringify(unturned(ring));
}

function hasStrayHole([outer, ...holes]) {
  const edges = edgesOf(outer, true);
  const isOut = ([x, y]) => {
    const point = { x, y };
    return !isInside([[outer]], point) && distanceTo([[outer]], true, point) > STRAY;
  };
  const leaves = (edge) => edges.some((other) => cross(edge, other));
  return holes.some((hole) => hole.some(isOut) || edgesOf(hole, true).some(leaves));
}
