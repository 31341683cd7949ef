/* Undo and redo. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../workers_ui/static/workers_ui/canvas/history.js";

test("undo and redo walk through the states and stop at both ends", () => {
  const history = new History("a");
  assert.equal(history.undo(), false);
  history.push("b");
  history.push("c");
  assert.equal(history.undo(), true);
  assert.equal(history.present, "b");
  assert.equal(history.undo(), true);
  assert.equal(history.present, "a");
  assert.equal(history.undo(), false);
  assert.equal(history.redo(), true);
  assert.equal(history.redo(), true);
  assert.equal(history.redo(), false);
  assert.equal(history.present, "c");
});

test("the steps of one run are undone together", () => {
  const history = new History(0);
  for (const step of [1, 2, 3]) history.push(step, "drag");
  history.push(4, "another drag");
  history.undo();
  assert.equal(history.present, 3);
  history.undo();
  assert.equal(history.present, 0);
});

test("a run does not continue after an undo", () => {
  const history = new History(0);
  history.push(1, "drag");
  history.undo();
  history.push(2, "drag");
  history.undo();
  assert.equal(history.present, 0);
});

test("a new state discards what was undone", () => {
  const history = new History("a");
  history.push("b");
  history.undo();
  history.push("c");
  assert.equal(history.redo(), false);
  assert.equal(history.present, "c");
});

test("the last 200 steps can be undone", () => {
  const history = new History(0);
  for (let state = 1; state <= 300; state += 1) history.push(state);
  let steps = 0;
  while (history.undo()) steps += 1;
  assert.equal(steps, 200);
  assert.equal(history.present, 100);
});

test("a reset forgets everything", () => {
  const history = new History("a");
  history.push("b");
  history.reset("z");
  assert.equal(history.present, "z");
  assert.equal(history.undo(), false);
  assert.equal(history.redo(), false);
});
