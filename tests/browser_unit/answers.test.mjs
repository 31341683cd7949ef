/* Answers on the set page: the server's version of an answer is the same answer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { labels, questionOf, sameAnswer } from "../../workers_ui/static/workers_ui/annotate/answer.js";

const RING = [
  [40, 10],
  [90, 60],
  [20, 80],
];

function anAnswer(geom, tool = "polygon") {
  return labels({ objects: [{ id: "a", class: 1, tool, geom, attrs: {} }] });
}

test("a polygon that the server begins at another point is the same answer", () => {
  const stored = { ...anAnswer({ parts: [[[RING[2], RING[1], RING[0]]]] }), extra: {} };
  assert.ok(sameAnswer(anAnswer({ parts: [[RING]] }), stored));
  assert.ok(!sameAnswer(anAnswer({ parts: [[RING]] }), anAnswer({ parts: [[[[0, 0], ...RING]]] })));
});

test("boxes, and objects of tools that this page lacks, are compared by their geometry", () => {
  const one = { x: 1, y: 2, w: 3, h: 4 };
  assert.ok(sameAnswer(anAnswer(one, "box"), anAnswer({ h: 4, w: 3, y: 2, x: 1 }, "box")));
  assert.ok(!sameAnswer(anAnswer(one, "box"), anAnswer({ ...one, w: 5 }, "box")));
  assert.ok(!sameAnswer(anAnswer({ at: 1 }, "later"), anAnswer({ at: 2 }, "later")));
});

test("a schema asks for drawing if one of its tools draws here", () => {
  const schema = (...tools) => ({ tools, classes: [{ number: 1, name: "cat" }] });
  assert.deepEqual([questionOf(schema("class")).draws, questionOf(schema("class")).chooses], [false, true]);
  assert.deepEqual([questionOf(schema("polygon")).draws, questionOf(schema("polygon")).chooses], [true, false]);
  assert.ok(questionOf(schema("class", "box", "polygon")).draws);
});
