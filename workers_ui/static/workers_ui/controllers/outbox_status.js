/* <div data-controller="outbox" data-outbox-owner="PUBLIC-ID">: the page's one outbox and its status line.
 * Targets: "line" (a .sync-line), "refused" (a list of the entries that were not accepted, with reasons).
 * Other modules reach it through the event "outbox:connected" or controllerOf(element, "outbox").outbox. */

import { Controller } from "../lib/controller.js";
import { Outbox, STATE_TEXT } from "../lib/outbox.js";

const STATES = { idle: "ok", sending: "busy", saved: "warn", signin: "warn" };

export default class extends Controller {
  connect() {
    this.outbox = new Outbox({ owner: this.value("owner") ?? "" });
    this.outbox.addEventListener("state", ({ detail }) => this.show(detail));
    this.outbox.addEventListener("sent", ({ detail }) => this.dispatch("sent", detail));
    this.outbox.addEventListener("refused", ({ detail }) => this.dispatch("refused", detail));
    this.listen(window, "beforeunload", (event) => {
      // Leaving loses nothing, the entries stay on the device; but only an open page sends them.
      if (this.waiting > 0 && navigator.onLine) event.preventDefault();
    });
    void this.outbox.flush();
  }

  disconnect() {
    this.outbox.destroy();
  }

  show({ state, waiting, refused }) {
    this.waiting = waiting;
    const line = this.target("line");
    if (line) {
      line.dataset.state = STATES[state];
      line.textContent = waiting > 1 ? `${STATE_TEXT[state]} (${waiting})` : STATE_TEXT[state];
    }
    this.target("refused")?.replaceChildren(...refused.map((entry) => this.refusal(entry)));
    this.dispatch("state", { state, waiting, refused: refused.length });
  }

  refusal(entry) {
    const row = document.createElement("li");
    row.className = "notice";
    row.dataset.state = "bad";
    const text = document.createElement("p");
    text.textContent = [entry.label, entry.problem.detail].filter(Boolean).join(": ");
    const close = document.createElement("button");
    close.type = "button";
    close.className = "bare";
    close.textContent = "Dismiss";
    close.addEventListener("click", () => this.outbox.dismiss(entry.key));
    row.append(text, close);
    return row;
  }
}
