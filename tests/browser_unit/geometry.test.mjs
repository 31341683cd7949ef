/* The pure geometry of boxes and views, with random boxes where a property must hold for all of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  area,
  boxBetween,
  boxToScreen,
  centeredBox,
  contains,
  fitView,
  HANDLES,
  handleAt,
  handlePoints,
  iou,
  keepInView,
  moveBox,
  onEdge,
  resizeBox,
  smallestAt,
  toImage,
  toScreen,
  zoomAt,
} from "../../workers_ui/static/workers_ui/canvas/geometry.js";

const WIDTH = 400;
const HEIGHT = 300;
const BOX = { x: 100, y: 50, w: 40, h: 30 };

/* Deterministic, so that a failure can be repeated (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return (low, high) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return low + (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  };
}

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

test("the outline is hit from both sides, the inside of a large box is not", () => {
  assert.ok(onEdge(BOX, { x: 98, y: 60 }, 3));
  assert.ok(onEdge(BOX, { x: 102, y: 60 }, 3));
  assert.ok(!onEdge(BOX, { x: 120, y: 65 }, 3));
  assert.ok(onEdge({ x: 0, y: 0, w: 4, h: 4 }, { x: 2, y: 2 }, 3));
});

test("the smallest of nested boxes is found", () => {
  const items = [
    { id: 1, box: { x: 0, y: 0, w: 90, h: 90 } },
    { id: 2, box: { x: 10, y: 10, w: 9, h: 9 } },
  ];
  assert.equal(smallestAt(items, { x: 12, y: 12 }).id, 2);
  assert.equal(smallestAt(items, { x: 50, y: 50 }).id, 1);
  assert.equal(smallestAt(items, { x: 95, y: 50 }), null);
  assert.equal(smallestAt(items, { x: 95, y: 50 }, 5).id, 1);
});

test("screen and image points are each other's inverse", () => {
  const random = randomNumbers(11);
  for (let run = 0; run < 100; run += 1) {
    const view = { scale: random(0.05, 32), x: random(-900, 900), y: random(-900, 900) };
    const point = { x: random(0, WIDTH), y: random(0, HEIGHT) };
    const back = toImage(view, toScreen(view, point));
    assert.ok(Math.hypot(back.x - point.x, back.y - point.y) < 1e-6);
  }
});

test("a box on the screen is scaled with the view", () => {
  assert.deepEqual(boxToScreen({ scale: 2, x: 10, y: -5 }, BOX), { x: 210, y: 95, w: 80, h: 60 });
});

test("zooming stops at its limits and keeps the point in place", () => {
  const view = zoomAt({ scale: 1, x: 0, y: 0 }, { x: 50, y: 20 }, 100, 0.1, 8);
  assert.deepEqual(view, { scale: 8, x: -350, y: -140 });
  assert.deepEqual(toScreen(view, { x: 50, y: 20 }), { x: 50, y: 20 });
});

test("the fitted view shows the whole image, centered, with its margin", () => {
  const view = fitView(WIDTH, HEIGHT, { width: 216, height: 500 }, 8);
  assert.equal(view.scale, 0.5);
  assert.deepEqual(toScreen(view, { x: 0, y: 0 }), { x: 8, y: 175 });
  assert.deepEqual(toScreen(view, { x: WIDTH, y: HEIGHT }), { x: 208, y: 325 });
});

test("an image that fits is centered, and a larger one cannot be lost", () => {
  const screen = { width: 400, height: 300 };
  assert.deepEqual(keepInView({ scale: 1, x: 999, y: -999 }, 100, 100, screen), { scale: 1, x: 150, y: 100 });
  assert.deepEqual(keepInView({ scale: 10, x: 5000, y: -5000 }, 100, 100, screen), { scale: 10, x: 200, y: -850 });
});

test("a new box appears in the middle of what is visible and on the image", () => {
  const random = randomNumbers(13);
  const screen = { width: 320, height: 480 };
  for (let run = 0; run < 200; run += 1) {
    const view = { scale: random(0.1, 16), x: random(-600, 600), y: random(-600, 600) };
    const box = centeredBox(view, screen, WIDTH, HEIGHT);
    assert.ok(isOnImage(box), JSON.stringify({ view, box }));
    assert.ok(box.w >= 1 && box.h >= 1);
    assert.ok([box.x, box.y, box.w, box.h].every(Number.isInteger));
  }
});

test("overlap is 1 with itself, 0 where boxes only touch, and symmetric", () => {
  assert.equal(iou(BOX, BOX), 1);
  assert.equal(iou(BOX, { x: 140, y: 50, w: 5, h: 5 }), 0);
  const [a, b] = [
    { x: 0, y: 0, w: 2, h: 2 },
    { x: 1, y: 0, w: 2, h: 2 },
  ];
  assert.ok(Math.abs(iou(a, b) - 1 / 3) < 1e-12);
  assert.equal(iou(a, b), iou(b, a));
});

test("containment includes the outline and widens by the margin", () => {
  assert.ok(contains(BOX, { x: 140, y: 80 }));
  assert.ok(!contains(BOX, { x: 141, y: 80 }));
  assert.ok(contains(BOX, { x: 141, y: 80 }, 1));
  assert.equal(area(BOX), 1200);
});
