/* Prefetches the images of a set, two at a time, so that they survive a lost connection. */

const CONCURRENCY = 2;

export class SetImages {
  constructor(items) {
    this.waiting = items.map((item) => item.image);
    this.ready = new Map();
    this.abort = new AbortController();
    window.addEventListener("online", () => this.start(), { signal: this.abort.signal });
    this.running = 0;
  }

  start() {
    while (this.running < CONCURRENCY && this.waiting.length > 0) void this.next();
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
    } catch {
      this.failed(url);
    } finally {
      this.running -= 1;
    }
    if (navigator.onLine && !this.abort.signal.aborted) this.start();
  }

  /** Requeues for when the connection returns; an image on screen has its own retry. */
  failed(url) {
    if (this.abort.signal.aborted || navigator.onLine) return;
    this.waiting.push(url);
  }

  destroy() {
    this.abort.abort();
    for (const url of this.ready.values()) URL.revokeObjectURL(url);
  }
}
