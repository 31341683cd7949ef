/* The pure geometry of the view. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  boundsToScreen,
  contains,
  fitView,
  keepInView,
  toImage,
  toScreen,
  visiblePart,
  zoomAt,
} from "../../workers_ui/static/workers_ui/canvas/geometry.js";
import { randomNumbers } from "./support/random_numbers.mjs";

const WIDTH = 400;
const HEIGHT = 300;
const BOUNDS = { x: 100, y: 50, w: 40, h: 30 };

test("screen and image points are each other's inverse", () => {
  const random = randomNumbers(11);
  for (let run = 0; run < 100; run += 1) {
    const view = { scale: random(0.05, 32), x: random(-900, 900), y: random(-900, 900) };
    const point = { x: random(0, WIDTH), y: random(0, HEIGHT) };
    const back = toImage(view, toScreen(view, point));
    assert.ok(Math.hypot(back.x - point.x, back.y - point.y) < 1e-6);
  }
});

test("bounds on the screen are scaled with the view", () => {
  assert.deepEqual(boundsToScreen({ scale: 2, x: 10, y: -5 }, BOUNDS), { x: 210, y: 95, w: 80, h: 60 });
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

test("the visible part of the image is what the screen shows of it, or all of it", () => {
  const screen = { width: 200, height: 100 };
  assert.deepEqual(visiblePart({ scale: 2, x: -100, y: 20 }, screen, WIDTH, HEIGHT), { x: 50, y: 0, w: 100, h: 40 });
  assert.deepEqual(visiblePart({ scale: 1, x: 500, y: 0 }, screen, WIDTH, HEIGHT), { x: 0, y: 0, w: 400, h: 300 });
});

test("bounds include their edges and widen by the margin", () => {
  assert.ok(contains(BOUNDS, { x: 140, y: 80 }));
  assert.ok(!contains(BOUNDS, { x: 141, y: 80 }));
  assert.ok(contains(BOUNDS, { x: 141, y: 80 }, 1));
});
