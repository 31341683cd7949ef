/* Submits a set: sends everything queued on the device, then the form. While offline it waits and resumes by itself.
 *
 * If an answer was refused, it says so first: once the set is submitted, the image goes to someone else. Submitting again
 * submits without it. */

export class HandIn {
  /** `note` is the status line; `form` is submitted at the end; `images` returns the ids of the set's images. */
  constructor({ queue, note, form, images }) {
    Object.assign(this, { queue, note, form, images });
    this.state = "idle"; // then "sending", "waiting" (for the connection), "done" (the form is submitted)
    this.shown = new Set(); // the keys of refused entries that the worker has been told about
  }

  get requested() {
    return this.state !== "idle";
  }

  async start() {
    if (this.state === "sending" || this.state === "done") return;
    this.state = "sending";
    this.say("Sending your answers…");
    await this.queue.flush();
    const refused = this.newlyRefused();
    if (refused.length > 0) {
      this.state = "idle";
      const [{ reason }] = refused;
      const images = refused.length === 1 ? "An answer was" : `${refused.length} answers were`;
      this.say(`${images} not accepted. ${reason} Select the image to answer again, or submit without it.`);
      return;
    }
    if (this.ready) {
      this.state = "done";
      this.form.requestSubmit();
      return;
    }
    this.state = "waiting";
    const count = this.queue.waiting.size;
    const answers = count === 1 ? "1 answer is" : `${count} answers are`;
    const saved = count > 0 ? `${answers} saved on this device. The` : "The";
    this.say(`You are offline. ${saved} set will be submitted when you are back online. Keep this page open.`);
  }

  /** The refused answers that the worker has not been told about here; each is returned once. */
  newlyRefused() {
    const refused = this.images()
      .map((id) => this.queue.refused.get(id))
      .filter(Boolean);
    const unseen = refused.filter(({ keys }) => keys.some((key) => !this.shown.has(key)));
    for (const { keys } of unseen) for (const key of keys) this.shown.add(key);
    return unseen;
  }

  get ready() {
    return this.queue.waiting.size === 0 && navigator.onLine;
  }

  /** Call when the connection or the queue changes. */
  resume() {
    if (this.state === "waiting" && this.ready) void this.start();
  }

  say(text) {
    this.note.hidden = false;
    this.note.textContent = text;
  }
}

/** The label of the button that submits the set. */
export function handInLabel({ answered, open, live }) {
  if (!live) return "See what you earned";
  if (answered === 0) return "Return the set";
  const count = answered === 1 ? "1 answer" : `${answered} answers`;
  return open > 0 ? `Submit ${count} now` : `Submit ${count}`;
}
