/* The offline queue: stores an answer on the device, then sends it until the server gives a final response.
 *
 *   const outbox = new Outbox({owner: "public id of the person"});
 *   const key = await outbox.put({url: "/api/v1/...", body: {...}, label: "Image 3"});
 *   outbox.addEventListener("sent", ({detail}) => detail.key, detail.answer);
 *   outbox.addEventListener("refused", ({detail}) => detail.problem.detail);
 *
 * An entry keeps one idempotency key for all attempts, so an answer whose response was lost is not counted twice.
 * Entries are sent in the order they were stored. Each belongs to an owner: on a shared device, one person's answers are
 * never sent as another's. Refused entries stay on the device until they are dismissed. */

import { openDB } from "../vendor/idb-8.0.4/index.js";
import { csrfToken } from "./csrf.js";
import { newId } from "./ids.js";

/* Client errors that a later attempt may overcome; all others are final. */
const RETRYABLE = new Set([408, 425, 429]);
/* A 403 with any other code concerns the person's permissions, which signing in again does not change. */
const SESSION_CODES = new Set(["not_authenticated", "authentication_failed", "permission_denied"]);
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60000;
const TIMEOUT = 20000;
/* Tabs share the queue. Web Locks exist only in secure contexts, so a tab leases an entry in the database instead. */
const LEASE = 6000;
const RENEW = 2000;

export const STATE_TEXT = {
  saved: "Saved on this device, sends when you are online",
  sending: "Sending…",
  sent: "Sent",
  signin: "Saved on this device, sends when you sign in again",
  refused: "Not accepted",
  idle: "All sent",
};

export class Outbox extends EventTarget {
  constructor({
    owner,
    database = "annotary-outbox",
    firstWait = FIRST_WAIT,
    send = (...args) => fetch(...args),
    open = openStore,
  }) {
    super();
    Object.assign(this, { owner, send, firstWait });
    Object.assign(this, { attempt: 0, running: null, timer: null, blocked: false, sending: false });
    this.name = newId();
    this.opened = open(database);
    // A tab that did not send an answer itself still needs to learn the result.
    this.tabs = new BroadcastChannel(database);
    this.tabs.addEventListener("message", ({ data }) => this.receive(data));
    this.abort = new AbortController();
    const { signal } = this.abort;
    window.addEventListener("online", () => this.retryNow(), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.retryNow(), {
      signal,
    });
  }

  destroy() {
    this.abort.abort();
    this.tabs.close();
    clearTimeout(this.timer);
  }

  /** Stores an answer and starts sending. Resolves to its key once it is stored on the device. */
  async put({ url, body, label = "", key = newId(), method = "POST" }) {
    const db = await this.opened;
    await db.add("entries", {
      key,
      method,
      url,
      body,
      label,
      owner: this.owner,
      state: "waiting",
      problem: null,
      stored: Date.now(),
      leasedUntil: 0,
      holder: null,
    });
    await this.reportState();
    void this.flush();
    return key;
  }

  async entries() {
    const db = await this.opened;
    return (await db.getAll("entries")).filter((entry) => entry.owner === this.owner);
  }

  /** Deletes a refused entry that its owner has seen. */
  async dismiss(key) {
    const db = await this.opened;
    const entry = await db.getFromIndex("entries", "key", key);
    if (entry?.owner === this.owner && entry.state === "refused") await db.delete("entries", entry.number);
    await this.reportState();
  }

  retryNow() {
    this.attempt = 0;
    this.blocked = false;
    return this.flush();
  }

  /** Sends the waiting entries in order. Resolves when nothing more can be sent now. */
  flush() {
    clearTimeout(this.timer);
    // The running round may have read the queue before this entry was stored, so request another one.
    this.requested = true;
    this.running ??= this.drain().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async drain() {
    while (this.requested) {
      this.requested = false;
      await this.round();
    }
  }

  async round() {
    for (;;) {
      const next = this.blocked ? null : await this.lease();
      if (!next) break;
      this.sending = true;
      await this.reportState();
      const renewal = setInterval(() => this.extendLease(next, Date.now() + LEASE), RENEW);
      const result = await this.deliver(next);
      clearInterval(renewal);
      this.sending = false;
      await this.settle(next, result);
      if (result.kind === "later") {
        this.schedule(result.wait);
        break;
      }
    }
    await this.reportState();
  }

  /** Leases the first waiting entry to this tab; null if none is waiting or another tab is sending it. */
  async lease() {
    const db = await this.opened;
    const transaction = db.transaction("entries", "readwrite");
    const waiting = (await transaction.store.getAll()).find(
      (entry) => entry.owner === this.owner && entry.state === "waiting",
    );
    const free = waiting && (waiting.holder === this.name || waiting.leasedUntil < Date.now());
    if (free) await transaction.store.put({ ...waiting, holder: this.name, leasedUntil: Date.now() + LEASE });
    await transaction.done;
    if (waiting && !free) this.timer = setTimeout(() => this.flush(), RENEW);
    return free ? waiting : null;
  }

  /** Moves the end of this tab's lease on an entry, unless the entry has left the queue. */
  async extendLease(entry, until) {
    const db = await this.opened;
    const transaction = db.transaction("entries", "readwrite");
    const stored = await transaction.store.get(entry.number);
    if (stored?.holder === this.name && stored.state === "waiting")
      await transaction.store.put({ ...stored, leasedUntil: until });
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
        signal: timeout(TIMEOUT),
      });
    } catch {
      return { kind: "later", wait: null };
    }
    if (response.ok) return { kind: "sent", answer: await readJson(response) };
    if (response.status >= 500 || RETRYABLE.has(response.status)) return { kind: "later", wait: retryAfter(response) };
    const body = await readJson(response);
    if (needsSignIn(response, body)) return { kind: "signin" };
    return { kind: "refused", problem: problemOf(response, body) };
  }

  async settle(entry, result) {
    const db = await this.opened;
    if (result.kind === "sent") {
      this.attempt = 0;
      await db.delete("entries", entry.number);
      this.report("sent", { key: entry.key, label: entry.label, answer: result.answer });
    } else if (result.kind === "refused") {
      this.attempt = 0;
      await db.put("entries", { ...entry, state: "refused", problem: result.problem });
      this.report("refused", { key: entry.key, label: entry.label, problem: result.problem });
    } else {
      this.blocked = result.kind === "signin";
      await this.extendLease(entry, 0);
    }
  }

  schedule(wait) {
    const backoff = Math.min(LONGEST_WAIT, this.firstWait * 2 ** this.attempt);
    this.attempt += 1;
    // Jitter, so that a hundred devices do not return in the same second.
    this.timer = setTimeout(() => this.flush(), wait ?? backoff * (0.5 + Math.random() / 2));
  }

  async reportState() {
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
    // An attempt may end after destroy(), which closes the channel.
    if (!this.abort.signal.aborted) this.tabs.postMessage({ owner: this.owner, name, detail });
  }

  receive({ owner, name, detail }) {
    if (owner !== this.owner) return;
    this.emit(name, detail);
    void this.reportState();
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function openStore(database) {
  return openDB(database, 1, {
    upgrade(db) {
      const store = db.createObjectStore("entries", { keyPath: "number", autoIncrement: true });
      store.createIndex("key", "key", { unique: true });
    },
  });
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

/* The framework's own 403, or an HTML page instead of problem JSON, means that the session or its token has expired. */
function needsSignIn(response, body) {
  if (response.status !== 403) return response.status === 401;
  const code = /^urn:annotary:problem:(.+)$/.exec(body?.type ?? "")?.[1];
  return !code || SESSION_CODES.has(code);
}

function problemOf(response, body) {
  const title = body?.title ?? "The answer was not accepted.";
  return { status: response.status, title, detail: body?.detail ?? title, type: body?.type ?? null };
}
