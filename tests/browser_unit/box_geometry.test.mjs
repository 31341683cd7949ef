/* The pure geometry of boxes, with random boxes where a property must hold for all of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { visiblePart } from "../../workers_ui/static/workers_ui/canvas/geometry.js";
import {
  boxBetween,
  centeredBox,
  HANDLES,
  handleAt,
  handlePoints,
  moveBox,
  resizeBox,
} from "../../workers_ui/static/workers_ui/canvas/tools/box_geometry.js";
import { randomNumbers } from "./support/random_numbers.mjs";

const WIDTH = 400;
const HEIGHT = 300;
const BOX = { x: 100, y: 50, w: 40, h: 30 };

function isOnImage(box) {
  const tolerance = 0.01;
  const right = box.x + box.w;
  const bottom = box.y + box.h;
  return box.x >= 0 && box.y >= 0 && right <= WIDTH + tolerance && bottom <= HEIGHT + tolerance;
}

test("a box between two corners does not depend on their order and is clipped to the image", () => {
  const [a, b] = [
    { x: -5, y: 90.126 },
    { x: 30, y: 10 },
  ];
  assert.deepEqual(boxBetween(a, b, 100, 100), { x: 0, y: 10, w: 30, h: 80.13 });
  assert.deepEqual(boxBetween(b, a, 100, 100), boxBetween(a, b, 100, 100));
});

test("a box that lies outside the image does not exist", () => {
  assert.equal(boxBetween({ x: -9, y: 0 }, { x: -3, y: 5 }, 100, 100), null);
  assert.equal(boxBetween({ x: 5, y: 5 }, { x: 5, y: 9 }, 100, 100), null);
});

test("moving keeps the size and stops at every edge", () => {
  assert.deepEqual(moveBox(BOX, 500, -500, WIDTH, HEIGHT), { x: 360, y: 0, w: 40, h: 30 });
  assert.deepEqual(moveBox(BOX, -500, 500, WIDTH, HEIGHT), { x: 0, y: 270, w: 40, h: 30 });
});

for (const handle of HANDLES) {
  test(`handle ${handle} moves only its own edges`, () => {
    const resized = resizeBox(BOX, handle, 3, 2, WIDTH, HEIGHT);
    const edges = { w: resized.x, n: resized.y, e: resized.x + resized.w, s: resized.y + resized.h };
    const moved = { w: 103, n: 52, e: 143, s: 82 };
    const still = { w: 100, n: 50, e: 140, s: 80 };
    for (const side of "wnes") assert.equal(edges[side], (handle.includes(side) ? moved : still)[side], side);
  });
}

test("an edge dragged past its opposite flips the box", () => {
  assert.deepEqual(resizeBox(BOX, "e", -60, 0, WIDTH, HEIGHT), { x: 80, y: 50, w: 20, h: 30 });
});

test("however it is resized, a box keeps one pixel and stays on the image", () => {
  const random = randomNumbers(7);
  for (let run = 0; run < 500; run += 1) {
    const corner = { x: random(0, WIDTH), y: random(0, HEIGHT) };
    const box = boxBetween(corner, { x: random(0, WIDTH), y: random(0, HEIGHT) }, WIDTH, HEIGHT);
    if (box === null) continue;
    const handle = HANDLES[Math.floor(random(0, HANDLES.length))];
    const resized = resizeBox(box, handle, random(-500, 500), random(-500, 500), WIDTH, HEIGHT);
    assert.ok(isOnImage(resized), JSON.stringify({ box, handle, resized }));
    if (/[we]/.test(handle)) assert.ok(resized.w >= 1, JSON.stringify({ box, handle, resized }));
    if (/[ns]/.test(handle)) assert.ok(resized.h >= 1, JSON.stringify({ box, handle, resized }));
  }
});

test("the nearest handle within reach is found", () => {
  for (const [name, point] of Object.entries(handlePoints(BOX))) assert.equal(handleAt(BOX, point, 5), name);
  assert.equal(handleAt(BOX, { x: 0, y: 0 }, 5), null);
});

test("a tiny box offers its corners, and its middle stays free for moving it", () => {
  const tiny = { x: 100, y: 100, w: 12, h: 12 };
  assert.equal(handleAt(tiny, { x: 100, y: 105 }, 12), "nw");
  assert.equal(handleAt(tiny, { x: 106, y: 106 }, 12), null);
});

test("a new box appears in the middle of what is visible and on the image", () => {
  const random = randomNumbers(13);
  const screen = { width: 320, height: 480 };
  for (let run = 0; run < 200; run += 1) {
    const view = { scale: random(0.1, 16), x: random(-600, 600), y: random(-600, 600) };
    const box = centeredBox(visiblePart(view, screen, WIDTH, HEIGHT), WIDTH, HEIGHT);
    assert.ok(isOnImage(box), JSON.stringify({ view, box }));
    assert.ok(box.w >= 1 && box.h >= 1);
    assert.ok([box.x, box.y, box.w, box.h].every(Number.isInteger));
  }
});
