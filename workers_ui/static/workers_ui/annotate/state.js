/* The worker's set: its images in order, the current one, and the answers. Pure: no DOM, no network.
 *
 * An item is {id, position, width, height, image, state, answer, correction}; correction is {reason, region, answer} of
 * an image that was sent back, or null; state is "leased", "submitted", "skipped", "expired"
 * or "released", as the server reports it. Entries still queued on the device (`waiting`) override the server's. */

export class SetState {
  constructor(body) {
    this.id = body.id;
    this.live = body.state === "live";
    this.readTime(body);
    this.items = body.assignments.map((item) => ({ ...item }));
    this.goFirstOpen();
  }

  /** When the set ends, how long a renewal lasts, and until when there may be one, as the server reports it. */
  readTime(body) {
    this.expiresAt = new Date(body.expires_at);
    this.extendableUntil = new Date(body.extendable_until);
    this.leaseSeconds = body.lease_seconds;
  }

  get current() {
    return this.items[this.index];
  }

  get total() {
    return this.items.length;
  }

  get done() {
    return this.items.filter((item) => !this.isOpen(item)).length;
  }

  get answered() {
    return this.items.filter((item) => item.answer !== null).length;
  }

  find(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  isOpen(item) {
    return item.answer === null && item.state !== "skipped" && item.state !== "released";
  }

  /** Whether an answer is still accepted: late answers are, skipped images go to someone else, and a submitted set is
   * final. */
  canAnswer(item) {
    if (item.state === "skipped" || item.state === "released") return false;
    return this.live || item.answer === null;
  }

  go(index) {
    this.index = Math.min(Math.max(index, 0), this.total - 1);
  }

  goFirstOpen() {
    this.index = Math.max(
      0,
      this.items.findIndex((item) => this.isOpen(item)),
    );
  }

  /** Index of the next open image after the current one, wrapping around; -1 when all are done. */
  nextOpen() {
    for (let step = 1; step <= this.total; step += 1) {
      const index = (this.index + step) % this.total;
      if (this.isOpen(this.items[index])) return index;
    }
    return -1;
  }

  answer(id, answer) {
    const item = this.find(id);
    if (item) item.answer = answer;
  }

  skip(id) {
    const item = this.find(id);
    if (item) item.state = "skipped";
  }

  /** Applies a newer response, then `waiting`, the entries still queued on this device: {id: answer | "skip"}. */
  merge(body, waiting) {
    this.live = body.state === "live";
    this.readTime(body);
    for (const update of body.assignments) {
      const item = this.find(update.id);
      if (!item) continue;
      const queued = waiting.get(update.id);
      item.state = queued === "skip" ? "skipped" : update.state;
      item.answer = queued && queued !== "skip" ? queued : update.answer;
    }
  }
}
