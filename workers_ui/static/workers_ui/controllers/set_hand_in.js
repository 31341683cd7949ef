/* Handing a set in: first everything that waits on the device is sent, then the form. Offline it waits for the
 * connection and does so by itself. */

export class HandIn {
  /** `note` is the line that tells of it, `form` the one that is sent at the end. */
  constructor({ queue, note, form }) {
    Object.assign(this, { queue, note, form });
    this.state = "no"; // "sending" while it tries, "waiting" for the connection, "done" once the form is sent
  }

  get asked() {
    return this.state !== "no";
  }

  async start() {
    if (this.state === "sending" || this.state === "done") return;
    this.state = "sending";
    this.say("Sending your answers …");
    await this.queue.flush();
    if (this.ready) {
      this.state = "done";
      this.form.requestSubmit();
      return;
    }
    this.state = "waiting";
    const count = this.queue.waiting.size;
    const answers = count === 1 ? "1 answer is" : `${count} answers are`;
    const saved = count > 0 ? `${answers} saved on this device; the` : "The";
    this.say(`You are offline. ${saved} set is handed in when you are online again. Leave this page open.`);
  }

  get ready() {
    return this.queue.waiting.size === 0 && navigator.onLine;
  }

  /** The connection or the queue has changed. */
  goOn() {
    if (this.state === "waiting" && this.ready) void this.start();
  }

  say(text) {
    this.note.hidden = false;
    this.note.textContent = text;
  }
}

/** The words of its button. */
export function handInWords({ answered, open, live }) {
  if (!live) return "See what you earned";
  if (answered === 0) return "Give the set back";
  const count = answered === 1 ? "1 answer" : `${answered} answers`;
  return open > 0 ? `Hand in ${count} now` : `Hand in ${count}`;
}
