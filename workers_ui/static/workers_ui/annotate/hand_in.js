/* Submits a set: sends everything queued on the device, then the form. While offline it waits and resumes by itself. */

export class HandIn {
  /** `note` is the status line; `form` is submitted at the end. */
  constructor({ queue, note, form }) {
    Object.assign(this, { queue, note, form });
    this.state = "idle"; // then "sending", "waiting" (for the connection), "done" (the form is submitted)
  }

  get requested() {
    return this.state !== "idle";
  }

  async start() {
    if (this.state === "sending" || this.state === "done") return;
    this.state = "sending";
    this.say("Sending your answers…");
    await this.queue.flush();
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
