/* Polylines: {points: [[x, y], ...]}, a line in pixels of the image without a beginning: the server may turn it around. */

import { lineTool } from "./line_tool.js";

/* The server refuses more. */
export const MAX_POINTS = 10000;

export const polyline = lineTool({
  name: "polyline",
  noun: { one: "polyline", many: "polylines" },
  icon: "M4 18.5 9.5 8l5 7L20 5.5M4 18.5v.1M9.5 8v.1M14.5 15v.1M20 5.5v.1",
  key: "l",
  hint: "Click along a line, point by point, or drag along it",
  coarseHint: "Tap along a line, point by point, or drag along it",
  closed: false,
  least: 2,

  parts: ({ points }) => [[points]],
  geomOf: ([[points]]) => ({ points }),

  identity({ points }) {
    return [JSON.stringify(points), JSON.stringify([...points].reverse())].sort()[0];
  },

  problem({ points }) {
    const [[x, y]] = points;
    if (points.length < 2 || points.every((point) => point[0] === x && point[1] === y))
      return "A polyline needs at least two different points.";
    if (points.length > MAX_POINTS) return `A polyline has at most ${MAX_POINTS.toLocaleString("en-US")} points.`;
    return null;
  },
});
