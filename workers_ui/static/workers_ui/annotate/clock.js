/* Time left for a set, by the server's clock: a phone's clock may be minutes off. */

const NEAR_END = 120;
/* What counts as being at work, and the milliseconds without any of it that still count. */
const ACTIVITY = ["pointerdown", "pointermove", "keydown", "wheel"];
const IDLE = 60_000;

export class SetClock {
  /** `serverNow` is the server's time when it rendered the page; `show` receives {text, state, mayExtend}; `end` is
   * called when the time is up. */
  constructor({ serverNow, expiresAt, extendableUntil, leaseSeconds, show, end }) {
    this.offset = new Date(serverNow).getTime() - Date.now();
    Object.assign(this, { expiresAt, extendableUntil, leaseSeconds, show, end });
    this.start();
  }

  start() {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  /** Takes over the end that the server reports. An older response, of a call that came late, does not bring back an
   * earlier one. */
  moveEnd(expiresAt) {
    if (expiresAt <= this.expiresAt) return;
    this.expiresAt = expiresAt;
    this.start();
  }

  /** Whether the server would give more time: the set is past half of its time, and not at the limit. */
  get mayExtend() {
    return this.left > 0 && this.left < this.leaseSeconds / 2 && this.expiresAt < this.extendableUntil;
  }

  get left() {
    return Math.round((this.expiresAt.getTime() - Date.now() - this.offset) / 1000);
  }

  get over() {
    return this.left <= 0;
  }

  tick() {
    const { left, mayExtend } = this;
    if (left > 0) {
      this.show({ text: timeLeft(left), state: left <= NEAR_END ? "warn" : "", mayExtend });
      return;
    }
    clearInterval(this.timer);
    this.show({ text: "Time is up", state: "warn", mayExtend });
    this.end();
  }

  destroy() {
    clearInterval(this.timer);
  }
}

export function timeLeft(seconds) {
  if (seconds > 5400) return `${Math.round(seconds / 3600)} h left`;
  if (seconds > NEAR_END) return `${Math.ceil(seconds / 60)} min left`;
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes} min ${seconds % 60} s left` : `${seconds} s left`;
}

/** Seconds spent on an image, excluding the time in which the page was hidden or nothing happened. */
export class Stopwatch {
  constructor() {
    this.restart();
    this.abort = new AbortController();
    const options = { signal: this.abort.signal, capture: true, passive: true };
    document.addEventListener("visibilitychange", () => this.visibilityChanged(), options);
    for (const kind of ACTIVITY) document.addEventListener(kind, () => this.active(), options);
  }

  restart() {
    this.sum = 0;
    this.since = document.visibilityState === "visible" ? performance.now() : null;
  }

  active() {
    if (this.since === null) return;
    this.sum = this.milliseconds;
    this.since = performance.now();
  }

  visibilityChanged() {
    if (document.visibilityState === "visible") this.since ??= performance.now();
    else {
      this.sum = this.milliseconds;
      this.since = null;
    }
  }

  get milliseconds() {
    return this.sum + (this.since === null ? 0 : Math.min(performance.now() - this.since, IDLE));
  }

  /** Seconds with one decimal, at most the one day the server accepts. */
  get seconds() {
    return Math.min(86400, Math.round(this.milliseconds / 100) / 10);
  }

  destroy() {
    this.abort.abort();
  }
}
