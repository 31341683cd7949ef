/* Prefetches the images of a set, two at a time, so that they survive a lost connection. */

const CONCURRENCY = 2;
const FIRST_WAIT = 5000;
const LONGEST_WAIT = 60000;

export class SetImages {
  constructor(items) {
    this.waiting = items.map((item) => item.image);
    this.ready = new Map();
    this.abort = new AbortController();
    window.addEventListener("online", () => this.resume(), { signal: this.abort.signal });
    this.running = 0;
    this.failures = 0;
    this.timer = null;
  }

  start() {
    while (this.timer === null && this.running < CONCURRENCY && this.waiting.length > 0) void this.next();
  }

  /** The URL to show: a local object URL once the image is prefetched. */
  url(item) {
    return this.ready.get(item.image) ?? item.image;
  }

  async next() {
    const url = this.waiting.shift();
    this.running += 1;
    try {
      const response = await fetch(url, { credentials: "same-origin", signal: this.abort.signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.ready.set(url, URL.createObjectURL(await response.blob()));
      this.failures = 0;
    } catch {
      this.failed(url);
    } finally {
      this.running -= 1;
    }
    if (!this.abort.signal.aborted) this.start();
  }

  /** Tries again later, or as soon as the device is online; an image on screen has its own retry. */
  failed(url) {
    if (this.abort.signal.aborted) return;
    this.waiting.push(url);
    this.timer ??= setTimeout(() => this.resume(), Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures));
    this.failures += 1;
  }

  resume() {
    clearTimeout(this.timer);
    this.timer = null;
    this.start();
  }

  destroy() {
    this.abort.abort();
    clearTimeout(this.timer);
    for (const url of this.ready.values()) URL.revokeObjectURL(url);
  }
}
