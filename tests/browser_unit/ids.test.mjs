/* Random ids, with and without crypto.randomUUID, which insecure contexts do not have. */

import "./support/browser.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { newId } from "../../workers_ui/static/workers_ui/lib/ids.js";

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function withoutRandomUuid(action) {
  const own = Object.getOwnPropertyDescriptor(crypto, "randomUUID");
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    return action();
  } finally {
    if (own) Object.defineProperty(crypto, "randomUUID", own);
    else delete crypto.randomUUID;
  }
}

test("an id is a version 4 UUID in a secure context", () => {
  assert.match(newId(), UUID_4);
});

test("an id is a version 4 UUID in an insecure context", () => {
  withoutRandomUuid(() => {
    for (let run = 0; run < 200; run += 1) assert.match(newId(), UUID_4);
  });
});

test("ids do not repeat", () => {
  const count = 2000;
  const draw = () => Array.from({ length: count }, newId);
  assert.equal(new Set([...draw(), ...withoutRandomUuid(draw)]).size, 2 * count);
});
