/* What lineTool makes of a shape of open lines, which need two points: nothing in it is about rings alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { lineTool } from "../../workers_ui/static/workers_ui/canvas/tools/line_tool.js";

const FRAME = { width: 400, height: 300 };
const path = lineTool({
  name: "path",
  noun: { one: "path", many: "paths" },
  icon: "M4 12h16",
  key: "l",
  hint: "Click along a path",
  coarseHint: "Tap along a path",
  closed: false,
  least: 2,
  parts: ({ points }) => [[points]],
  geomOf: ([[points]]) => ({ points }),
  identity: JSON.stringify,
  problem: () => null,
});
const GEOM = {
  points: [
    [10, 10],
    [110, 10],
    [110, 90],
  ],
};

test("an open line has a middle for each edge, and none between its ends", () => {
  const middles = path.handles(GEOM, 20).filter(({ kind }) => kind === "middle");
  assert.deepEqual(
    middles.map(({ id, x, y }) => [id, x, y]),
    [
      ["+0.0.0", 60, 10],
      ["+0.0.1", 110, 50],
    ],
  );
  assert.equal(path.handleAt(GEOM, { x: 60, y: 50 }, 12), null);
});

test("a point is inserted after each point; at the end, before it", () => {
  const inserted = (id) => path.points.insert(GEOM, path.points.placeAfter(GEOM, id), FRAME).points;
  assert.deepEqual(inserted("0.0.0"), [[10, 10], [60, 10], ...GEOM.points.slice(1)]);
  assert.deepEqual(inserted("0.0.2"), [...GEOM.points.slice(0, 2), [110, 50], [110, 90]]);
  assert.equal(path.points.idAt(path.points.placeAfter(GEOM, "0.0.2")), "0.0.2");
});

test("it keeps two points, moves and is resized on the image", () => {
  const two = path.points.remove(GEOM, "0.0.1");
  assert.deepEqual(two.points, [GEOM.points[0], GEOM.points[2]]);
  assert.equal(path.points.remove(two, "0.0.0"), null);
  assert.deepEqual(path.move(two, 999, -999, FRAME).points, [
    [300, 0],
    [400, 80],
  ]);
  assert.deepEqual(path.resize(two, -50, 20, FRAME).points, [
    [10, 10],
    [60, 110],
  ]);
});

test("its words come from its noun", () => {
  assert.equal(path.placeLabel, "New path");
  assert.equal(path.describe(GEOM), "3 points");
  assert.ok(path.keys.some(([key, text]) => key === "Enter" && text.endsWith("finish")));
});
