/* The offline queue against a scripted server. IndexedDB itself is covered by tests/ui/test_outbox.py in a browser. */

import "./support/browser.mjs";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Outbox } from "../../workers_ui/static/workers_ui/lib/outbox.js";
import { MemoryStore } from "./support/memory_store.mjs";

const OFFLINE = "offline";

let store;
let requests;
let responses;
let outboxes;

beforeEach(() => {
  store = new MemoryStore();
  requests = [];
  responses = [];
  outboxes = [];
});

afterEach(() => {
  for (const outbox of outboxes) outbox.destroy();
});

function anOutbox({ owner = "wren", firstWait = 60_000 } = {}) {
  const send = async (url, options) => {
    requests.push({ url, ...options, body: JSON.parse(options.body) });
    const response = responses.shift() ?? [200, { ok: true }];
    if (response === OFFLINE) throw new TypeError("Failed to fetch");
    const [status, body, headers = {}] = response;
    return new Response(JSON.stringify(body), { status, headers });
  };
  const outbox = new Outbox({ owner, firstWait, send, open: async () => store, database: `outbox-${Math.random()}` });
  outboxes.push(outbox);
  return outbox;
}

function listen(outbox, type) {
  const details = [];
  outbox.addEventListener(type, ({ detail }) => details.push(detail));
  return details;
}

/** Stores answers and waits for the attempts that this starts. */
async function put(outbox, ...numbers) {
  for (const number of numbers) await outbox.put({ url: `/api/v1/answers/${number}/`, body: { number } });
  await outbox.running;
}

test("an answer is sent once, with its idempotency key and Django's token, and leaves the queue", async () => {
  const outbox = anOutbox();
  const sent = listen(outbox, "sent");
  const key = await outbox.put({ url: "/api/v1/answers/1/", body: { number: 1 }, label: "Image 1", method: "PUT" });
  await outbox.flush();
  assert.equal(requests.length, 1);
  const [{ url, method, headers, body }] = requests;
  assert.deepEqual([url, method, body], ["/api/v1/answers/1/", "PUT", { number: 1 }]);
  assert.equal(headers["Idempotency-Key"], key);
  assert.equal(headers["X-CSRFToken"], "token+1");
  assert.deepEqual(sent, [{ key, label: "Image 1", answer: { ok: true } }]);
  assert.deepEqual(await outbox.entries(), []);
});

test("answers are sent in the order in which they were stored", async () => {
  await put(anOutbox(), 1, 2, 3);
  assert.deepEqual(
    requests.map(({ body }) => body.number),
    [1, 2, 3],
  );
});

test("a lost connection keeps the answer, and the next attempt has the same key", async () => {
  responses.push(OFFLINE);
  const outbox = anOutbox();
  const states = listen(outbox, "state");
  await put(outbox, 1);
  assert.equal(requests.length, 1);
  assert.equal(states.at(-1).state, "saved");
  assert.equal(states.at(-1).waiting, 1);
  await outbox.retryNow();
  assert.equal(requests.length, 2);
  assert.equal(requests[1].headers["Idempotency-Key"], requests[0].headers["Idempotency-Key"]);
  assert.equal(states.at(-1).state, "idle");
});

test("nothing overtakes an answer that could not be sent", async () => {
  responses.push(OFFLINE);
  const outbox = anOutbox();
  await put(outbox, 1);
  responses.push(OFFLINE);
  await put(outbox, 2);
  await outbox.retryNow();
  assert.deepEqual(
    requests.map(({ body }) => body.number),
    [1, 1, 1, 2],
  );
});

for (const status of [408, 425, 429, 500, 503]) {
  test(`status ${status} is tried again`, async () => {
    responses.push([status, {}]);
    const outbox = anOutbox();
    await put(outbox, 1);
    assert.equal((await outbox.entries())[0].state, "waiting");
    await outbox.retryNow();
    assert.deepEqual(await outbox.entries(), []);
  });
}

test("a failed attempt is repeated by itself", async () => {
  responses.push(OFFLINE, OFFLINE);
  const outbox = anOutbox({ firstWait: 5 });
  const sent = new Promise((resolve) => outbox.addEventListener("sent", resolve));
  await put(outbox, 1);
  await sent;
  assert.equal(requests.length, 3);
});

test("the server's Retry-After decides the wait", async () => {
  responses.push([503, {}, { "Retry-After": "0.01" }]);
  const outbox = anOutbox();
  const sent = new Promise((resolve) => outbox.addEventListener("sent", resolve));
  await put(outbox, 1);
  await sent;
  assert.equal(requests.length, 2);
});

for (const status of [400, 404, 409, 410, 422]) {
  test(`status ${status} is final, and is kept until it is dismissed`, async () => {
    responses.push([status, { title: "Too late.", detail: "The set is closed.", type: "/problems/closed/" }]);
    const outbox = anOutbox();
    const refused = listen(outbox, "refused");
    await put(outbox, 1, 2);
    assert.equal(requests.length, 2);
    assert.equal(refused[0].problem.detail, "The set is closed.");
    const [entry] = await outbox.entries();
    assert.equal(entry.state, "refused");
    await outbox.retryNow();
    assert.equal(requests.length, 2);
    await outbox.dismiss(entry.key);
    assert.deepEqual(await outbox.entries(), []);
  });
}

test("a waiting entry cannot be dismissed", async () => {
  responses.push(OFFLINE);
  const outbox = anOutbox();
  await put(outbox, 1);
  const [entry] = await outbox.entries();
  await outbox.dismiss(entry.key);
  assert.equal((await outbox.entries()).length, 1);
});

for (const [name, response] of [
  ["a 401", [401, {}]],
  ["a 403 without a problem", [403, null]],
  ["a 403 of the framework", [403, { type: "/problems/permission_denied/" }]],
]) {
  test(`${name} waits for signing in again`, async () => {
    responses.push(response);
    const outbox = anOutbox();
    const states = listen(outbox, "state");
    await put(outbox, 1, 2);
    assert.equal(requests.length, 1);
    assert.equal(states.at(-1).state, "signin");
    await outbox.retryNow();
    assert.equal(requests.length, 3);
    assert.equal(states.at(-1).state, "idle");
  });
}

test("a 403 about the work itself is final", async () => {
  responses.push([403, { type: "/problems/paused/", title: "Paused.", detail: "You are paused." }]);
  const outbox = anOutbox();
  const refused = listen(outbox, "refused");
  await put(outbox, 1);
  assert.equal(refused[0].problem.detail, "You are paused.");
});

test("one person's answers are never sent as another's", async () => {
  responses.push(OFFLINE);
  await put(anOutbox({ owner: "wren" }), 1);
  const finch = anOutbox({ owner: "finch" });
  assert.deepEqual(await finch.entries(), []);
  await put(finch, 2);
  assert.deepEqual(
    requests.map(({ body }) => body.number),
    [1, 2],
  );
  assert.equal((await store.getAll()).length, 1);
});

test("two tabs send an answer once", async () => {
  const [first, second] = [anOutbox(), anOutbox()];
  await Promise.all([put(first, 1), second.flush()]);
  await second.flush();
  assert.equal(requests.length, 1);
});

test("an entry that another tab is sending is left alone until its lease ends", async () => {
  const [first, second] = [anOutbox(), anOutbox()];
  await store.add("entries", { key: "k1", owner: "wren", url: "/", body: {}, state: "waiting", leasedUntil: 0 });
  assert.ok(await first.lease());
  await second.flush();
  assert.equal(requests.length, 0);
  const [entry] = await store.getAll();
  await store.put("entries", { ...entry, leasedUntil: Date.now() - 1 });
  await second.flush();
  assert.equal(requests.length, 1);
});

test("an answer that is stored while another is sent goes out in the same flush", async () => {
  const outbox = anOutbox();
  let started;
  const sending = new Promise((resolve) => {
    started = resolve;
  });
  const { send } = outbox;
  outbox.send = async (...args) => {
    started();
    return send(...args);
  };
  await outbox.put({ url: "/1", body: { number: 1 } });
  await sending;
  await outbox.put({ url: "/2", body: { number: 2 } });
  await outbox.flush();
  assert.equal(requests.length, 2);
});

/* Several answers in one request */

const SET = "/api/v1/hands/1/answers/";
const saved = (id) => ({ status: 200, replayed: false, answer: { id, message: "Saved." }, problem: null });

/** Stores answers to images while offline. */
async function putOffline(outbox, ...images) {
  for (const image of images) {
    responses.push(OFFLINE);
    const body = { answer: { verdict: "empty" }, seconds: image };
    const together = { url: SET, item: { assignment: image } };
    await outbox.put({ url: `/api/v1/assignments/${image}/answer/`, method: "PUT", body, together });
    await outbox.running;
  }
  requests.length = 0;
}

test("answers that have waited are sent in one request, each with its own key", async () => {
  const outbox = anOutbox();
  const sent = listen(outbox, "sent");
  await putOffline(outbox, 1, 2, 3);
  const keys = (await outbox.entries()).map(({ key }) => key);
  responses.push([200, { answers: [saved(1), saved(2), saved(3)] }]);
  await outbox.retryNow();
  assert.deepEqual(
    requests.map(({ url, method }) => [url, method]),
    [[SET, "POST"]],
  );
  assert.deepEqual(
    requests[0].body.answers,
    [1, 2, 3].map((image, index) => ({
      assignment: image,
      key: keys[index],
      answer: { verdict: "empty" },
      seconds: image,
    })),
  );
  assert.deepEqual(
    sent.map(({ key, answer }) => [key, answer.id]),
    [1, 2, 3].map((image, index) => [keys[index], image]),
  );
  assert.deepEqual(await outbox.entries(), []);
});

test("one refused answer does not affect the others of its request", async () => {
  const outbox = anOutbox();
  const refused = listen(outbox, "refused");
  await putOffline(outbox, 1, 2, 3);
  const problem = { type: "/problems/image_given_back/", title: "Returned.", detail: "You returned it." };
  const second = { status: 410, replayed: false, answer: null, problem };
  responses.push([200, { answers: [saved(1), second, saved(3)] }]);
  await outbox.retryNow();
  assert.equal(requests.length, 1);
  assert.deepEqual(
    refused.map(({ problem: { status, detail } }) => [status, detail]),
    [[410, "You returned it."]],
  );
  assert.deepEqual(
    (await outbox.entries()).map(({ state, body }) => [state, body.seconds]),
    [["refused", 2]],
  );
});

test("one that could not be saved now is tried again with its key", async () => {
  const outbox = anOutbox();
  await putOffline(outbox, 1, 2);
  const [, { key }] = await outbox.entries();
  responses.push([200, { answers: [saved(1), { status: 503, replayed: false, answer: null, problem: {} }] }]);
  await outbox.retryNow();
  assert.equal((await outbox.entries())[0].state, "waiting");
  await outbox.retryNow();
  assert.deepEqual(
    requests.map(({ url }) => url),
    [SET, "/api/v1/assignments/2/answer/"],
  );
  assert.equal(requests[1].headers["Idempotency-Key"], key);
});

for (const response of [OFFLINE, [503, {}], [429, {}]]) {
  test(`a request for several that gets ${response} keeps them all`, async () => {
    const outbox = anOutbox();
    await putOffline(outbox, 1, 2);
    responses.push(response);
    await outbox.retryNow();
    assert.deepEqual(
      (await outbox.entries()).map(({ state, leasedUntil }) => [state, leasedUntil]),
      [
        ["waiting", 0],
        ["waiting", 0],
      ],
    );
    responses.push([200, { answers: [saved(1), saved(2)] }]);
    await outbox.retryNow();
    assert.deepEqual(
      requests.map(({ url }) => url),
      [SET, SET],
    );
  });
}

test("a request for several that is refused as a whole is sent again one by one", async () => {
  const outbox = anOutbox();
  await putOffline(outbox, 1, 2);
  responses.push([404, { type: "/problems/not_found/" }]);
  await outbox.retryNow();
  assert.deepEqual(
    requests.map(({ url }) => url),
    [SET, "/api/v1/assignments/1/answer/", "/api/v1/assignments/2/answer/"],
  );
  assert.deepEqual(await outbox.entries(), []);
});

test("signing in again is awaited for several too", async () => {
  const outbox = anOutbox();
  await putOffline(outbox, 1, 2);
  responses.push([401, {}]);
  await outbox.retryNow();
  assert.equal(outbox.blocked, true);
  assert.equal((await outbox.entries()).length, 2);
});

test("only neighbors with the same URL go together, and order is kept", async () => {
  const outbox = anOutbox();
  await putOffline(outbox, 1, 2);
  responses.push(OFFLINE);
  await outbox.put({ url: "/api/v1/assignments/3/skip/", body: {} });
  await outbox.running;
  await putOffline(outbox, 4);
  responses.push([200, { answers: [saved(1), saved(2)] }]);
  await outbox.retryNow();
  assert.deepEqual(
    requests.map(({ url }) => url),
    [SET, "/api/v1/assignments/3/skip/", "/api/v1/assignments/4/answer/"],
  );
});
