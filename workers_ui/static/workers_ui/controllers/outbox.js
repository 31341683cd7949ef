/* The offline queue: an answer is stored on the device first, then sent, until the server has given a final answer.
 *
 *   const outbox = new Outbox({owner: "public id of the person"});
 *   const key = await outbox.put({url: "/api/v1/...", body: {...}, label: "Image 3"});
 *   outbox.addEventListener("sent", ({detail}) => detail.key, detail.answer);
 *   outbox.addEventListener("refused", ({detail}) => detail.problem.detail);
 *
 * Every entry has one idempotency key for all its attempts, so an answer that arrived although its reply was lost is
 * not counted twice. Entries are sent in the order of their storing and belong to an owner: what one person saved on a
 * shared device is never sent in another's name. Refused entries stay on the device until they are dismissed. */

import { openDB } from "../vendor/idb-8.0.4/index.js";
import { csrfToken } from "./csrf.js";
import { newId } from "./ids.js";

/* Trying again later may help with these; with every other answer of 400 and more it cannot. */
const TRY_AGAIN = new Set([408, 425, 429]);
/* A 403 with any other code is about the person and the work, and signing in again does not change it. */
const SESSION_CODES = new Set(["not_authenticated", "authentication_failed", "permission_denied"]);
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60000;
const PATIENCE = 20000;
/* Two tabs share the queue. Web Locks exist in secure contexts alone, so an entry is leased in the database instead. */
const LEASE = 6000;
const RENEW = 2000;

export const WORDS = {
  saved: "Saved on this device, sends when you are online",
  sending: "Sending …",
  sent: "Sent",
  signin: "Saved on this device, sends when you have signed in again",
  refused: "Not accepted",
  idle: "All sent",
};

export class Outbox extends EventTarget {
  constructor({ owner, database = "annotary-outbox", firstWait = FIRST_WAIT, send = (...args) => fetch(...args) }) {
    super();
    Object.assign(this, { owner, send, firstWait, attempt: 0, running: null, timer: null, blocked: false, sending: false });
    this.name = newId();
    this.opened = openDB(database, 1, {
      upgrade(db) {
        const store = db.createObjectStore("entries", { keyPath: "number", autoIncrement: true });
        store.createIndex("key", "key", { unique: true });
      },
    });
    // A tab that did not send an answer itself must learn what became of it.
    this.tabs = new BroadcastChannel(database);
    this.tabs.addEventListener("message", ({ data }) => this.hear(data));
    this.abort = new AbortController();
    const { signal } = this.abort;
    window.addEventListener("online", () => this.retryNow(), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.retryNow(), { signal });
  }

  destroy() {
    this.abort.abort();
    this.tabs.close();
    clearTimeout(this.timer);
  }

  /** Store an answer and start sending. Resolves with its key once it is safe on the device. */
  async put({ url, body, label = "", key = newId(), method = "POST" }) {
    const db = await this.opened;
    await db.add("entries", { key, method, url, body, label, owner: this.owner, state: "waiting", problem: null, stored: Date.now(), leasedUntil: 0, holder: null });
    await this.tell();
    void this.flush();
    return key;
  }

  async entries() {
    const db = await this.opened;
    return (await db.getAll("entries")).filter((entry) => entry.owner === this.owner);
  }

  /** Forget a refused entry that its writer has seen. */
  async dismiss(key) {
    const db = await this.opened;
    const entry = await db.getFromIndex("entries", "key", key);
    if (entry?.owner === this.owner && entry.state === "refused") await db.delete("entries", entry.number);
    await this.tell();
  }

  retryNow() {
    this.attempt = 0;
    this.blocked = false;
    return this.flush();
  }

  /** Send what waits, in order. Resolves when nothing more can be sent now. */
  flush() {
    clearTimeout(this.timer);
    // A round may have looked for the last time before this entry was stored: it is told to look once more.
    this.asked = true;
    this.running ??= this.drain().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async drain() {
    while (this.asked) {
      this.asked = false;
      await this.round();
    }
  }

  async round() {
    for (;;) {
      const next = this.blocked ? null : await this.lease();
      if (!next) break;
      this.sending = true;
      await this.tell();
      const renewal = setInterval(() => this.hold(next, Date.now() + LEASE), RENEW);
      const outcome = await this.deliver(next);
      clearInterval(renewal);
      this.sending = false;
      await this.settle(next, outcome);
      if (outcome.kind === "later") {
        this.schedule(outcome.wait);
        break;
      }
    }
    await this.tell();
  }

  /** The first waiting entry, held for this tab; null when there is none, or another tab is sending it. */
  async lease() {
    const db = await this.opened;
    const transaction = db.transaction("entries", "readwrite");
    const waiting = (await transaction.store.getAll()).find((entry) => entry.owner === this.owner && entry.state === "waiting");
    const free = waiting && (waiting.holder === this.name || waiting.leasedUntil < Date.now());
    if (free) await transaction.store.put({ ...waiting, holder: this.name, leasedUntil: Date.now() + LEASE });
    await transaction.done;
    if (waiting && !free) this.timer = setTimeout(() => this.flush(), RENEW);
    return free ? waiting : null;
  }

  /** Move the end of this tab's hold on an entry; an entry that has left the queue stays away. */
  async hold(entry, until) {
    const db = await this.opened;
    const transaction = db.transaction("entries", "readwrite");
    const found = await transaction.store.get(entry.number);
    if (found?.holder === this.name && found.state === "waiting") await transaction.store.put({ ...found, leasedUntil: until });
    await transaction.done;
  }

  /** One attempt: {kind: "sent" | "later" | "signin" | "refused", ...}. */
  async deliver(entry) {
    let response;
    try {
      response = await this.send(entry.url, {
        method: entry.method,
        credentials: "same-origin",
        headers: {
          "Content-Type": "application/json",
          Accept: "application/json",
          "Idempotency-Key": entry.key,
          "X-CSRFToken": csrfToken(),
        },
        body: JSON.stringify(entry.body),
        signal: timeout(PATIENCE),
      });
    } catch {
      return { kind: "later", wait: null };
    }
    if (response.ok) return { kind: "sent", answer: await readJson(response) };
    if (response.status >= 500 || TRY_AGAIN.has(response.status)) return { kind: "later", wait: retryAfter(response) };
    const body = await readJson(response);
    if (wantsSignIn(response, body)) return { kind: "signin" };
    return { kind: "refused", problem: problemOf(response, body) };
  }

  async settle(entry, outcome) {
    const db = await this.opened;
    if (outcome.kind === "sent") {
      this.attempt = 0;
      await db.delete("entries", entry.number);
      this.report("sent", { key: entry.key, label: entry.label, answer: outcome.answer });
    } else if (outcome.kind === "refused") {
      this.attempt = 0;
      await db.put("entries", { ...entry, state: "refused", problem: outcome.problem });
      this.report("refused", { key: entry.key, label: entry.label, problem: outcome.problem });
    } else {
      this.blocked = outcome.kind === "signin";
      await this.hold(entry, 0);
    }
  }

  schedule(wait) {
    const backoff = Math.min(LONGEST_WAIT, this.firstWait * 2 ** this.attempt);
    this.attempt += 1;
    // Spread, so that a hundred devices do not return in the same second.
    this.timer = setTimeout(() => this.flush(), wait ?? backoff * (0.5 + Math.random() / 2));
  }

  async tell() {
    const entries = await this.entries();
    const waiting = entries.filter((entry) => entry.state === "waiting").length;
    const refused = entries.filter((entry) => entry.state === "refused");
    this.emit("state", { state: this.stateOf(waiting), waiting, refused });
  }

  stateOf(waiting) {
    if (waiting === 0) return "idle";
    if (this.blocked) return "signin";
    return this.sending ? "sending" : "saved";
  }

  report(name, detail) {
    this.emit(name, detail);
    // An attempt may end after the page has let go of its queue; the channel is closed then.
    if (!this.abort.signal.aborted) this.tabs.postMessage({ owner: this.owner, name, detail });
  }

  hear({ owner, name, detail }) {
    if (owner !== this.owner) return;
    this.emit(name, detail);
    void this.tell();
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function timeout(milliseconds) {
  const control = new AbortController();
  setTimeout(() => control.abort(), milliseconds);
  return control.signal;
}

async function readJson(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function retryAfter(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  return seconds > 0 ? Math.min(seconds * 1000, LONGEST_WAIT) : null;
}

/* The framework's own 403, or a page in place of a problem, means that the session or its token is over. */
function wantsSignIn(response, body) {
  if (response.status !== 403) return response.status === 401;
  const code = /^urn:annotary:problem:(.+)$/.exec(body?.type ?? "")?.[1];
  return !code || SESSION_CODES.has(code);
}

function problemOf(response, body) {
  const title = body?.title ?? "The answer was not accepted.";
  return { status: response.status, title, detail: body?.detail ?? title, type: body?.type ?? null };
}
