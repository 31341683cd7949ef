/* The offline queue: stores an answer on the device, then sends it until the server gives a final response.
 *
 *   const outbox = new Outbox({owner: "public id of the person"});
 *   const key = await outbox.put({url: "/api/v1/...", body: {...}, label: "Image 3"});
 *   outbox.addEventListener("sent", ({detail}) => detail.key, detail.answer);
 *   outbox.addEventListener("refused", ({detail}) => detail.problem.detail);
 *
 * An entry keeps one idempotency key for all attempts, so an answer whose response was lost is not counted twice.
 * Entries are sent in the order they were stored. Those with the same `together` URL that wait one after the other are
 * sent in one request, which gets a result for each of them. Each belongs to an owner: on a shared device, one person's answers are
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
/* The most that one request may hold; the server accepts a megabyte. */
const MAX_TOGETHER = 100;
const MAX_LENGTH = 500_000;

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

  /** Stores an answer and starts sending. Resolves to its key once it is stored on the device.
   *
   * `together` is {url, item}: with others it is sent to that URL, as `item` with its key and body added. */
  async put({ url, body, label = "", key = newId(), method = "POST", together = null }) {
    const db = await this.opened;
    await db.add("entries", {
      key,
      method,
      url,
      body,
      label,
      together,
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
      const group = this.blocked ? [] : await this.lease();
      if (group.length === 0) break;
      this.sending = true;
      await this.reportState();
      const renewal = setInterval(() => this.extendLease(group[0], Date.now() + LEASE), RENEW);
      const results = group.length > 1 ? await this.deliverTogether(group) : [await this.deliver(group[0])];
      clearInterval(renewal);
      this.sending = false;
      for (const [index, entry] of group.entries()) await this.settle(entry, results[index]);
      const later = results.find(({ kind }) => kind === "later");
      if (later) {
        this.schedule(later.wait);
        break;
      }
    }
    await this.reportState();
  }

  /** Leases the first waiting entry to this tab, and returns it with those that can be sent together with it.
   *
   * Returns none if none is waiting or another tab is sending it: a tab sends only while it holds the first. */
  async lease() {
    const db = await this.opened;
    const transaction = db.transaction("entries", "readwrite");
    const waiting = (await transaction.store.getAll()).filter(
      (entry) => entry.owner === this.owner && entry.state === "waiting",
    );
    const [first] = waiting;
    const free = first && (first.holder === this.name || first.leasedUntil < Date.now());
    if (free) await transaction.store.put({ ...first, holder: this.name, leasedUntil: Date.now() + LEASE });
    await transaction.done;
    if (first && !free) this.timer = setTimeout(() => this.flush(), RENEW);
    return free ? groupOf(waiting) : [];
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
  async deliver({ url, method, key, body }) {
    const response = await this.request(url, { method, body, headers: { "Idempotency-Key": key } });
    if (!response) return { kind: "later", wait: null };
    return resultOf(response, await readJson(response));
  }

  /** One attempt for several entries: the result of each, as of `deliver`. */
  async deliverTogether(group) {
    const answers = group.map(({ key, body, together }) => ({ ...together.item, key, ...body }));
    const response = await this.request(group[0].together.url, { method: "POST", body: { answers } });
    if (!response) return group.map(() => ({ kind: "later", wait: null }));
    const body = await readJson(response);
    const result = resultOf(response, body);
    // Refused as a whole, or answered by something else on the way: each gets its own response.
    if (result.kind === "refused" || (response.ok && body?.answers?.length !== group.length))
      return group.map(() => ({ kind: "alone" }));
    if (result.kind !== "sent") return group.map(() => result);
    return body.answers.map(({ status, answer, problem }) =>
      resultOf({ ok: status < 300, status, headers: response.headers }, answer ?? problem),
    );
  }

  /** The response, or null if there was none. */
  async request(url, { method, body, headers = {} }) {
    try {
      return await this.send(url, {
        method,
        credentials: "same-origin",
        headers: {
          "Content-Type": "application/json",
          Accept: "application/json",
          "X-CSRFToken": csrfToken(),
          ...headers,
        },
        body: JSON.stringify(body),
        signal: timeout(TIMEOUT),
      });
    } catch {
      return null;
    }
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
    } else if (result.kind === "alone") {
      await db.put("entries", { ...entry, together: null });
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

/** The first of the waiting entries, and those right after it that go to the same URL together with it. */
function groupOf([first, ...others]) {
  const group = [first];
  let length = JSON.stringify(first.body).length;
  for (const entry of first.together ? others : []) {
    length += JSON.stringify(entry.body).length;
    if (entry.together?.url !== first.together.url || group.length === MAX_TOGETHER || length > MAX_LENGTH) break;
    group.push(entry);
  }
  return group;
}

function resultOf(response, body) {
  if (response.ok) return { kind: "sent", answer: body };
  if (response.status >= 500 || RETRYABLE.has(response.status)) return { kind: "later", wait: retryAfter(response) };
  if (needsSignIn(response, body)) return { kind: "signin" };
  return { kind: "refused", problem: problemOf(response, body) };
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
  const code = /^\/problems\/([a-z_]+)\/$/.exec(body?.type ?? "")?.[1];
  return !code || SESSION_CODES.has(code);
}

function problemOf(response, body) {
  const title = body?.title ?? "The answer was not accepted.";
  return { status: response.status, title, detail: body?.detail ?? title, type: body?.type ?? null };
}
