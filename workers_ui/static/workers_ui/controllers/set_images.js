/* Fetches the images of a set ahead, two at a time, so that they are there when the connection is not. */

const AT_ONCE = 2;

export class SetImages {
  constructor(items) {
    this.waiting = items.map((item) => item.image);
    this.ready = new Map();
    this.abort = new AbortController();
    window.addEventListener("online", () => this.start(), { signal: this.abort.signal });
    this.running = 0;
  }

  start() {
    while (this.running < AT_ONCE && this.waiting.length > 0) void this.next();
  }

  /** The address of the pixels: on this device where they are here already. */
  url(item) {
    return this.ready.get(item.image) ?? item.image;
  }

  async next() {
    const address = this.waiting.shift();
    this.running += 1;
    try {
      const response = await fetch(address, { credentials: "same-origin", signal: this.abort.signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.ready.set(address, URL.createObjectURL(await response.blob()));
    } catch {
      this.failed(address);
    } finally {
      this.running -= 1;
    }
    if (navigator.onLine && !this.abort.signal.aborted) this.start();
  }

  /** Tried again when the connection is back; an image that is shown meanwhile has its own way to try again. */
  failed(address) {
    if (this.abort.signal.aborted || navigator.onLine) return;
    this.waiting.push(address);
  }

  destroy() {
    this.abort.abort();
    for (const url of this.ready.values()) URL.revokeObjectURL(url);
  }
}
