/* The outbox as a set sees it: what is queued for each image, and what was refused. */

const ASSIGNMENT_URL = /\/assignments\/([0-9a-f-]{36})\/(answer|skip)\/$/;

export class SetQueue {
  /** `url` is the set's: answers that have waited for a connection are sent to it together. */
  constructor(outbox, url) {
    this.outbox = outbox;
    this.url = url;
    /** @type {Map<string, object | "skip">} the latest queued entry of each image: an answer, or "skip" */
    this.waiting = new Map();
    /** @type {Map<string, {keys: string[], answer: object | null, reason: string}>} images with refused entries: their
     * keys, the last answer, and why it was refused */
    this.refused = new Map();
  }

  /** Stores an answer on the device and starts sending; resolves once it is stored. */
  async answer(item, answer, seconds) {
    await this.forget(item.id);
    const body = { answer, seconds };
    await this.outbox.put({
      method: "PUT",
      url: `/api/v1/assignments/${item.id}/answer/`,
      body,
      label: `Image ${item.position}`,
      together: { url: `${this.url}answers/`, item: { assignment: item.id } },
    });
  }

  /** `why` is {reason, note}, both of which may be empty. */
  async skip(item, why) {
    await this.outbox.put({ url: `/api/v1/assignments/${item.id}/skip/`, body: why, label: `Image ${item.position}` });
  }

  /** Asks for more time, once the device is online; resolves to the key of the request. */
  extend() {
    return this.outbox.put({ url: `${this.url}extend/`, body: {}, label: "More time" });
  }

  /** Rereads the queue: other tabs add and remove entries too. */
  async refresh() {
    const waiting = new Map();
    const refused = new Map();
    for (const entry of await this.outbox.entries()) {
      const [, id, action] = ASSIGNMENT_URL.exec(entry.url) ?? [];
      if (!id) continue;
      if (entry.state === "refused")
        refused.set(id, {
          keys: [...(refused.get(id)?.keys ?? []), entry.key],
          answer: entry.body.answer ?? null,
          reason: entry.problem?.detail ?? "",
        });
      else waiting.set(id, action === "skip" ? "skip" : entry.body.answer);
    }
    Object.assign(this, { waiting, refused });
  }

  async flush() {
    await this.outbox.retryNow();
    await this.refresh();
  }

  /** Dismisses earlier refusals of an image that is being answered again. */
  async forget(id) {
    for (const key of this.refused.get(id)?.keys ?? []) await this.outbox.dismiss(key);
  }
}
