/* The polygon tool: its edits, what it refuses, and what makes two polygons equal. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsOf, distanceTo } from "../../workers_ui/static/workers_ui/canvas/outlines.js";
import { thin } from "../../workers_ui/static/workers_ui/canvas/thinning.js";
import { toolNamed } from "../../workers_ui/static/workers_ui/canvas/tools/index.js";
import { MAX_VERTICES } from "../../workers_ui/static/workers_ui/canvas/tools/polygon.js";
import { randomNumbers } from "./support/random_numbers.mjs";

const polygon = toolNamed("polygon");
const FRAME = { width: 400, height: 300 };
const RING = [
  [100, 100],
  [200, 100],
  [200, 200],
  [100, 200],
];
const HOLE = [
  [120, 120],
  [120, 140],
  [140, 140],
];
const FAR = [
  [300, 10],
  [340, 10],
  [320, 40],
];
const PLAIN = { parts: [[RING]] };
const RICH = { parts: [[RING, HOLE], [FAR]] };

function isOnImage({ parts }) {
  const { x, y, w, h } = boundsOf(parts);
  return x >= 0 && y >= 0 && x + w <= FRAME.width && y + h <= FRAME.height;
}

test("moving keeps the form and stops where the first part meets an edge", () => {
  const moved = polygon.move(RICH, 500, -500, FRAME);
  assert.deepEqual(
    moved.parts[0][0],
    RING.map(([x, y]) => [x + 60, y - 10]),
  );
  assert.deepEqual(
    moved.parts[0][1],
    HOLE.map(([x, y]) => [x + 60, y - 10]),
  );
  assert.deepEqual(
    moved.parts[1][0],
    FAR.map(([x, y]) => [x + 60, y - 10]),
  );
});

test("a dragged point stops at the edge, and nothing else moves", () => {
  const moved = polygon.dragHandle(RICH, "1.0.1", 500, -500, FRAME);
  assert.deepEqual(moved.parts[1][0], [FAR[0], [400, 0], FAR[2]]);
  assert.deepEqual(moved.parts[0], RICH.parts[0]);
});

test("a point of a hole and of every part has a handle that is hit near it", () => {
  for (const { id, x, y } of polygon.points.list(RICH)) {
    assert.equal(polygon.handleAt(RICH, { x: x + 1, y: y + 1 }, 8).id, id);
  }
  assert.equal(polygon.points.list(RICH).length, 10);
});

test("dragging the middle of an edge inserts a point", () => {
  const handle = polygon.handleAt(PLAIN, { x: 151, y: 99 }, 12);
  assert.equal(handle.id, "+0.0.0");
  const inserted = polygon.dragHandle(PLAIN, handle.id, 0, -30, FRAME);
  assert.deepEqual(inserted.parts[0][0], [[100, 100], [150, 70], ...RING.slice(1)]);
  assert.equal(polygon.points.draggedBy(handle.id), "0.0.1");
});

test("the edge that closes the ring has a middle too", () => {
  const inserted = polygon.dragHandle(PLAIN, "+0.0.3", -20, 0, FRAME);
  assert.deepEqual(inserted.parts[0][0], [...RING, [80, 150]]);
});

test("the middle of a small polygon is free for moving it", () => {
  const small = { parts: [[RING.map(([x, y]) => [x / 10, y / 10])]] };
  assert.equal(polygon.handleAt(small, { x: 15, y: 15 }, 22), null);
  assert.notEqual(polygon.handleAt(small, { x: 10, y: 10 }, 22), null);
});

test("a point can be removed while three remain; a hole or a further part goes with its last", () => {
  assert.deepEqual(polygon.points.remove(PLAIN, "0.0.1").parts, [[[RING[0], RING[2], RING[3]]]]);
  assert.deepEqual(polygon.points.remove(RICH, "0.1.0").parts, [[RING], [FAR]]);
  assert.deepEqual(polygon.points.remove(RICH, "1.0.2").parts, [[RING, HOLE]]);
  assert.equal(polygon.points.remove({ parts: [[FAR]] }, "0.0.0"), null);
});

test("what the server would refuse is named", () => {
  assert.equal(polygon.problem(RICH), null);
  assert.match(polygon.problem({ parts: [[RING.slice(2)]] }), /at least three points/);
  assert.match(polygon.problem({ parts: [[RING.map(([x]) => [x, x])]] }), /on one line/);
  assert.match(polygon.problem({ parts: [[RING, FAR]] }), /A hole must stay inside/);
  const through = [
    [120, 120],
    [120, 140],
    [250, 130],
  ];
  assert.match(polygon.problem({ parts: [[RING, through]] }), /A hole must stay inside/);
  const long = Array.from({ length: MAX_VERTICES + 1 }, (_, at) => [at % 100, Math.floor(at / 100)]);
  assert.match(polygon.problem({ parts: [[long]] }), /at most 10,000 points/);
});

test("a hole that crosses a dent of its outline between its points is refused", () => {
  const dented = [
    [0, 0],
    [100, 0],
    [100, 100],
    [50, 10],
    [0, 100],
  ];
  const wide = [
    [10, 50],
    [10, 40],
    [90, 40],
    [90, 50],
  ];
  assert.match(polygon.problem({ parts: [[dented, wide]] }), /A hole must stay inside/);
});

test("polygons are equal whatever the order of points, holes and parts", () => {
  const other = [
    [150, 150],
    [150, 170],
    [170, 170],
  ];
  const one = { parts: [[RING, HOLE, other], [FAR]] };
  const same = {
    parts: [[FAR.toReversed()], [[...RING.slice(2), ...RING.slice(0, 2)], other.toReversed(), HOLE]],
  };
  assert.equal(polygon.identity(one), polygon.identity(same));
  assert.notEqual(polygon.identity(one), polygon.identity(RICH));
  assert.notEqual(polygon.identity({ parts: [[RING, HOLE]] }), polygon.identity({ parts: [[HOLE, RING]] }));
});

test("whatever is done to it, a polygon stays on the image", () => {
  const random = randomNumbers(17);
  for (let run = 0; run < 300; run += 1) {
    const ring = Array.from({ length: 5 }, () => [Math.round(random(0, 400)), Math.round(random(0, 300))]);
    const geom = { parts: [[ring]] };
    const [dx, dy] = [Math.round(random(-500, 500)), Math.round(random(-500, 500))];
    const handle = `${random(0, 1) > 0.5 ? "+" : ""}0.0.${Math.floor(random(0, 5))}`;
    for (const changed of [
      polygon.move(geom, dx, dy, FRAME),
      polygon.resize(geom, dx, dy, FRAME),
      polygon.dragHandle(geom, handle, dx, dy, FRAME),
    ])
      assert.ok(isOnImage(changed), JSON.stringify({ ring, dx, dy, handle, changed }));
  }
});

test("resizing keeps the upper left corner and at least one pixel", () => {
  const wider = polygon.resize(PLAIN, 50, -40, FRAME);
  assert.deepEqual(boundsOf(wider.parts), { x: 100, y: 100, w: 150, h: 60 });
  const least = polygon.resize(PLAIN, -500, -500, FRAME);
  assert.deepEqual(boundsOf(least.parts), { x: 100, y: 100, w: 1, h: 1 });
});

test("fewer points keep every part and hole, and move the outline by the stated distance at most", () => {
  const wavy = Array.from({ length: 60 }, (_, at) => {
    const [angle, radius] = [(2 * Math.PI * at) / 60, at % 2 ? 100 : 101];
    return [150 + radius * Math.cos(angle), 150 + radius * Math.sin(angle)];
  });
  const geom = { parts: [[wavy, HOLE], [FAR]] };
  const { geom: thinner, tolerance } = thin(geom, polygon.points.own);
  assert.equal(tolerance, 3);
  const { parts } = thinner;
  assert.ok(parts[0][0].length < 20);
  for (const [x, y] of wavy) assert.ok(distanceTo([[parts[0][0]]], true, { x, y }) <= 3);
  assert.deepEqual([parts[0][1], parts[1]], [HOLE, [FAR]]);
  assert.equal(thin(PLAIN, polygon.points.own), null);
});

test("no edit changes the geometry that it is given", () => {
  const before = JSON.stringify(RICH);
  polygon.move(RICH, 5, 5, FRAME);
  polygon.resize(RICH, 5, 5, FRAME);
  polygon.dragHandle(RICH, "+0.1.0", 5, 5, FRAME);
  polygon.points.remove(RICH, "0.0.0");
  thin(RICH, polygon.points.own);
  polygon.points.insert(RICH, polygon.points.placeAfter(RICH, "0.0.3"), FRAME);
  assert.equal(JSON.stringify(RICH), before);
});
