/* A websocket that delivers a snapshot, then numbered deltas; on a gap in the numbers it requests a new snapshot.
 *
 *   {"type": "snapshot", "number": N, "data": {...}}
 *   {"type": "delta", "first": N, "number": N, "events": [{"kind": "...", "data": {...}, "delta": {...}, "count": N}]}
 * and to the server {"type": "resync"}. A delta covers the events from `first` to `number`, of which those that are alike
 * are one with the sum of their deltas. Each event is emitted once and in order, or is covered by a snapshot.
 * Events: "snapshot" {number, data}, "event" {kind, data, delta, count}, "state" {state: "connecting" | "live" | "lost" | "refused"}. */

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;

export class LiveStream extends EventTarget {
  constructor(url, { open = (address) => new WebSocket(address), firstWait = FIRST_WAIT } = {}) {
    super();
    Object.assign(this, { url, open, firstWait, number: null, attempt: 0, socket: null, timer: null, closed: false });
    this.abort = new AbortController();
    window.addEventListener("online", () => this.reconnectNow(), { signal: this.abort.signal });
  }

  start() {
    this.closed = false;
    this.number = null;
    if (this.attempt === 0) this.state("connecting");
    const socket = this.open(this.url);
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => socket === this.socket && this.receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.socket && this.lost(code));
  }

  stop() {
    this.closed = true;
    this.abort.abort();
    clearTimeout(this.timer);
    this.socket?.close();
  }

  receive(message) {
    if (message.type === "snapshot") this.snapshot(message);
    else if (message.type === "delta" && this.number !== null) this.delta(message);
  }

  snapshot({ number, data }) {
    this.number = number;
    this.attempt = 0;
    this.state("live");
    this.emit("snapshot", { number, data });
  }

  delta({ first, number, events }) {
    if (number <= this.number) return;
    if (first !== this.number + 1) {
      this.resync();
      return;
    }
    this.number = number;
    for (const event of events) this.emit("event", event);
  }

  /* Deltas are ignored until the requested snapshot arrives. */
  resync() {
    this.number = null;
    this.socket.send(JSON.stringify({ type: "resync" }));
  }

  lost(code) {
    this.socket = null;
    if (this.closed) return;
    // 4401, 4403 and 4404: not signed in, not allowed, not found, now or any more. Reconnecting would not help.
    if (code >= 4400 && code < 4500) {
      this.stop();
      this.state("refused");
      return;
    }
    this.state("lost");
    const wait = Math.min(LONGEST_WAIT, this.firstWait * 2 ** this.attempt);
    this.attempt += 1;
    this.timer = setTimeout(() => this.start(), wait * (0.5 + Math.random() / 2));
  }

  reconnectNow() {
    if (this.closed || this.socket !== null) return;
    clearTimeout(this.timer);
    this.start();
  }

  state(state) {
    this.emit("state", { state });
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** The absolute websocket URL of a path or of an absolute URL. */
export function socketUrl(path) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
