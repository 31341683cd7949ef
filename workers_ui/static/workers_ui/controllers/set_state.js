/* The set in hand: its images in order, which one is shown, what was answered. Pure: no page, no network.
 *
 * An item is {id, position, width, height, image, state, answer}; state is "leased", "submitted", "skipped", "expired"
 * or "released", as the server says. What waits on the device (`waiting`) wins over what the server knew before. */

export class SetState {
  constructor(body) {
    this.id = body.id;
    this.live = body.state === "live";
    this.expiresAt = new Date(body.expires_at);
    this.items = body.assignments.map((item) => ({ ...item }));
    this.goFirstOpen();
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

  /** Whether an answer is still taken: a late one is, a skipped image belongs to somebody else, and what was handed
   * in is final. */
  canAnswer(item) {
    if (item.state === "skipped" || item.state === "released") return false;
    return this.live || item.answer === null;
  }

  go(index) {
    this.index = Math.min(Math.max(index, 0), this.total - 1);
  }

  goFirstOpen() {
    this.index = Math.max(0, this.items.findIndex((item) => this.isOpen(item)));
  }

  /** Place of the next open image after the current one, going round; -1 when all are done. */
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

  /** Newer news from the server, with what still waits on this device on top: {id: answer | "skip"}. */
  merge(body, waiting) {
    this.live = body.state === "live";
    for (const news of body.assignments) {
      const item = this.find(news.id);
      if (!item) continue;
      const own = waiting.get(news.id);
      item.state = own === "skip" ? "skipped" : news.state;
      item.answer = own && own !== "skip" ? own : news.answer;
    }
  }
}
