/* The queue on the device, seen from a set: what waits for which image, and what was refused. */

const ADDRESS = /\/assignments\/([0-9a-f-]{36})\/(answer|skip)\/$/;

export class SetQueue {
  constructor(outbox) {
    this.outbox = outbox;
    /** @type {Map<string, object | "skip">} the last that waits for an image: an answer, or "skip" */
    this.waiting = new Map();
    /** @type {Map<string, string[]>} images with a refused answer, and the keys of those entries */
    this.refused = new Map();
  }

  /** Stores an answer on the device and starts sending; resolves when it is safe there. */
  async answer(item, answer, seconds) {
    await this.forget(item.id);
    const body = { answer, seconds };
    await this.outbox.put({ method: "PUT", url: `/api/v1/assignments/${item.id}/answer/`, body, label: `Image ${item.position}` });
  }

  async skip(item) {
    await this.outbox.put({ url: `/api/v1/assignments/${item.id}/skip/`, body: {}, label: `Image ${item.position}` });
  }

  /** Reads the queue anew: other tabs put into it and take from it, too. */
  async look() {
    const waiting = new Map();
    const refused = new Map();
    for (const entry of await this.outbox.entries()) {
      const [, id, kind] = ADDRESS.exec(entry.url) ?? [];
      if (!id) continue;
      if (entry.state === "refused") refused.set(id, [...(refused.get(id) ?? []), entry.key]);
      else waiting.set(id, kind === "skip" ? "skip" : entry.body.answer);
    }
    Object.assign(this, { waiting, refused });
  }

  async flush() {
    await this.outbox.retryNow();
    await this.look();
  }

  /** A new answer to an image makes the refusals of earlier ones old news. */
  async forget(id) {
    for (const key of this.refused.get(id) ?? []) await this.outbox.dismiss(key);
  }
}
