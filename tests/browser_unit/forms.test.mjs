/* What lies under a point of the image, whatever the shapes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formOf, isOnOutline, smallestAt } from "../../workers_ui/static/workers_ui/canvas/forms.js";

function aBox(id, x, y, w, h) {
  return { id, tool: "box", geom: { x, y, w, h } };
}

const TRIANGLE = {
  id: "triangle",
  tool: "polygon",
  geom: {
    parts: [
      [
        [
          [100, 50],
          [150, 150],
          [50, 150],
        ],
      ],
    ],
  },
};

test("the outline is hit from both sides, the inside of a large object is not", () => {
  const box = aBox(1, 100, 50, 40, 30);
  assert.ok(isOnOutline(box, { x: 98, y: 60 }, 3));
  assert.ok(isOnOutline(box, { x: 102, y: 60 }, 3));
  assert.ok(!isOnOutline(box, { x: 120, y: 65 }, 3));
  assert.ok(isOnOutline(aBox(2, 0, 0, 4, 4), { x: 2, y: 2 }, 3));
  assert.ok(isOnOutline(TRIANGLE, { x: 74, y: 100 }, 3));
  assert.ok(!isOnOutline(TRIANGLE, { x: 60, y: 60 }, 3));
});

test("the smallest of nested objects is found", () => {
  const items = [aBox(1, 0, 0, 90, 90), aBox(2, 10, 10, 9, 9)];
  assert.equal(smallestAt(items, { x: 12, y: 12 }).id, 2);
  assert.equal(smallestAt(items, { x: 50, y: 50 }).id, 1);
  assert.equal(smallestAt(items, { x: 95, y: 50 }), null);
  assert.equal(smallestAt(items, { x: 95, y: 50 }, 5).id, 1);
});

test("a polygon is found inside its outline alone, and by its area rather than its bounds", () => {
  const around = aBox(1, 60, 60, 85, 85);
  assert.equal(smallestAt([TRIANGLE, around], { x: 100, y: 100 }).id, "triangle");
  assert.equal(smallestAt([TRIANGLE, around], { x: 62, y: 65 }).id, 1);
  assert.equal(smallestAt([TRIANGLE], { x: 62, y: 65 }), null);
});

test("tags are placed at the highest and the lowest point", () => {
  assert.deepEqual(formOf(TRIANGLE).highest, [100, 50]);
  assert.deepEqual(formOf(TRIANGLE).lowest, [50, 150]);
  assert.deepEqual(formOf(aBox(1, 10, 20, 30, 40)).highest, [10, 20]);
});

test("an object of a tool that this page lacks has no form", () => {
  assert.equal(formOf({ id: 1, tool: "later", geom: {} }), null);
});
