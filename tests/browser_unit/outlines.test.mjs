/* The pure geometry of outlines: parts of rings or open lines. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  areaOf,
  boundsOf,
  cross,
  distanceTo,
  enclosesArea,
  isInside,
  nearestEdge,
  pathData,
  signedArea,
  simplify,
  unturned,
} from "../../workers_ui/static/workers_ui/canvas/outlines.js";
import { simplifyRing } from "../../workers_ui/static/workers_ui/canvas/thinning.js";
import { randomNumbers } from "./support/random_numbers.mjs";

const SQUARE = [
  [10, 10],
  [50, 10],
  [50, 50],
  [10, 50],
];
const HOLE = [
  [20, 20],
  [20, 30],
  [30, 30],
  [30, 20],
];
const ISLAND = [
  [100, 0],
  [120, 0],
  [110, 20],
];
const PARTS = [[SQUARE, HOLE], [ISLAND]];

test("bounds and area are those of all parts, without the holes", () => {
  assert.deepEqual(boundsOf(PARTS), { x: 10, y: 0, w: 110, h: 50 });
  assert.equal(areaOf(PARTS), 1600 - 100 + 200);
});

test("a ring that runs clockwise on the screen has a positive area", () => {
  assert.equal(signedArea(SQUARE), 1600);
  assert.equal(signedArea(SQUARE.toReversed()), -1600);
});

test("a hole is outside, and every part counts", () => {
  assert.ok(isInside(PARTS, { x: 12, y: 12 }));
  assert.ok(!isInside(PARTS, { x: 25, y: 25 }));
  assert.ok(isInside(PARTS, { x: 110, y: 5 }));
  assert.ok(!isInside(PARTS, { x: 80, y: 25 }));
});

test("where two parts overlap, the object is not hollow", () => {
  assert.ok(isInside([[SQUARE], [SQUARE]], { x: 30, y: 30 }));
});

test("the nearest edge closes a ring, but not an open line", () => {
  const closed = nearestEdge([[SQUARE]], true, { x: 8, y: 30 });
  assert.deepEqual(closed, { part: 0, line: 0, at: 3, distance: 2, point: [10, 30] });
  const open = nearestEdge([[SQUARE]], false, { x: 8, y: 30 });
  assert.equal(open.at === 3, false);
  assert.equal(distanceTo([[SQUARE]], false, { x: 8, y: 30 }), Math.hypot(2, 20));
});

test("the path of an object has a line for each ring", () => {
  assert.equal(pathData([[ISLAND]], true), "M100 0L120 0L110 20z");
  assert.equal(pathData([[ISLAND]], false), "M100 0L120 0L110 20");
  assert.equal(pathData(PARTS, true).split("M").length - 1, 3);
});

test("a simplified line keeps its ends and stays near every point that it loses", () => {
  const random = randomNumbers(5);
  for (let run = 0; run < 50; run += 1) {
    let [x, y] = [0, 0];
    const line = Array.from({ length: 120 }, () => {
      x += random(-1, 4);
      y += random(-3, 3);
      return [x, y];
    });
    const fewer = simplify(line, 2);
    assert.ok(fewer.length < line.length);
    assert.deepEqual([fewer[0], fewer.at(-1)], [line[0], line.at(-1)]);
    for (const [px, py] of line) assert.ok(distanceTo([[fewer]], false, { x: px, y: py }) <= 2 + 1e-9);
  }
});

test("a simplified ring stays near every point that it loses, also between its last and its first", () => {
  const random = randomNumbers(6);
  for (let run = 0; run < 50; run += 1) {
    const ring = Array.from({ length: 80 }, (_, at) => {
      const [angle, radius] = [(2 * Math.PI * at) / 80, random(95, 105)];
      return [200 + radius * Math.cos(angle), 200 + radius * Math.sin(angle)];
    });
    const fewer = simplifyRing(ring, 3);
    assert.ok(fewer.length < ring.length);
    assert.equal(new Set(fewer).size, fewer.length);
    for (const [px, py] of ring) assert.ok(distanceTo([[fewer]], true, { x: px, y: py }) <= 3 + 1e-9);
  }
});

test("edges cross only between their ends", () => {
  assert.ok(
    cross(
      [
        [0, 0],
        [10, 10],
      ],
      [
        [0, 10],
        [10, 0],
      ],
    ),
  );
  assert.ok(
    !cross(
      [
        [0, 0],
        [10, 10],
      ],
      [
        [10, 10],
        [20, 0],
      ],
    ),
  );
});

test("points on one line enclose nothing, loops that cancel out do", () => {
  const flat = [
    [0, 0],
    [10, 10],
    [30, 30],
  ];
  const there = [
    [0, 0],
    [10, 0],
    [20, 5],
    [10, 0],
  ];
  const eight = [
    [0, 0],
    [10, 10],
    [10, 0],
    [0, 10],
  ];
  assert.ok(enclosesArea(SQUARE));
  assert.ok(!enclosesArea(flat));
  assert.ok(!enclosesArea(there));
  assert.equal(signedArea(eight), 0);
  assert.ok(enclosesArea(eight));
});

test("a ring is the same from every point and in both directions", () => {
  const random = randomNumbers(3);
  for (let run = 0; run < 100; run += 1) {
    const count = 3 + Math.floor(random(0, 6));
    // Few places, so that rings pass the same one several times.
    const ring = Array.from({ length: count }, () => [Math.floor(random(0, 3)), Math.floor(random(0, 3))]);
    const expected = JSON.stringify(unturned(ring));
    for (let start = 0; start < count; start += 1) {
      const turned = [...ring.slice(start), ...ring.slice(0, start)];
      assert.equal(JSON.stringify(unturned(turned)), expected, JSON.stringify(ring));
      assert.equal(JSON.stringify(unturned(turned.toReversed())), expected, JSON.stringify(ring));
    }
  }
});
