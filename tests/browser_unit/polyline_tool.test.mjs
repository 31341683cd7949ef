/* The polyline tool: its edits, what it refuses, and what makes two lines equal. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { toolNamed } from "../../workers_ui/static/workers_ui/canvas/tools/index.js";
import { MAX_POINTS } from "../../workers_ui/static/workers_ui/canvas/tools/polyline.js";

const polyline = toolNamed("polyline");
const FRAME = { width: 400, height: 300 };
const LINE = {
  points: [
    [100, 100],
    [200, 150],
    [300, 100],
  ],
};

test("a line has handles on its points and between them, none that closes it", () => {
  const kinds = polyline.handles(LINE, 10).map(({ kind }) => kind);
  assert.deepEqual(kinds.sort(), ["middle", "middle", "point", "point", "point"]);
});

test("moving keeps the form and stops at the edge", () => {
  assert.deepEqual(polyline.move(LINE, 500, 0, FRAME).points, [
    [200, 100],
    [300, 150],
    [400, 100],
  ]);
});

test("a point is inserted where an edge is dragged, and removed down to two", () => {
  const middle = polyline.handles(LINE, 10).find(({ kind }) => kind === "middle");
  const longer = polyline.dragHandle(LINE, middle.id, 0, -20, FRAME);
  assert.deepEqual(longer.points, [
    [100, 100],
    [150, 105],
    [200, 150],
    [300, 100],
  ]);
  const [first, ...rest] = polyline.points.list(LINE);
  const shorter = polyline.points.remove(LINE, first.id);
  assert.deepEqual(shorter.points, LINE.points.slice(1));
  assert.equal(polyline.points.remove(shorter, rest[0].id), null);
});

test("the direction of a line makes no difference", () => {
  assert.equal(polyline.identity(LINE), polyline.identity({ points: [...LINE.points].reverse() }));
  assert.notEqual(polyline.identity(LINE), polyline.identity({ points: LINE.points.slice(1) }));
});

test("what cannot be saved is said", () => {
  assert.equal(polyline.problem(LINE), null);
  assert.match(polyline.problem({ points: [[1, 1]] }), /at least two different points/);
  assert.match(
    polyline.problem({
      points: [
        [1, 1],
        [1, 1],
      ],
    }),
    /at least two different points/,
  );
  assert.match(
    polyline.problem({ points: Array.from({ length: MAX_POINTS + 1 }, (_, at) => [at % 300, 1]) }),
    /10,000/,
  );
});
