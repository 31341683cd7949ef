/* <div data-controller="outbox" data-outbox-owner="PUBLIC-ID">: the page's one queue and the line that tells of it.
 * Targets: "line" (a .sync-line), "refused" (a list, filled with what was not accepted and why).
 * Other modules reach the queue by the event "outbox:connected" or controllerOf(element, "outbox").outbox. */

import { Controller } from "./controller.js";
import { Outbox, WORDS } from "./outbox.js";

const STATES = { idle: "ok", sending: "busy", saved: "warn", signin: "warn" };

export default class extends Controller {
  connect() {
    this.outbox = new Outbox({ owner: this.value("owner") ?? "" });
    this.outbox.addEventListener("state", ({ detail }) => this.show(detail));
    this.outbox.addEventListener("sent", ({ detail }) => this.dispatch("sent", detail));
    this.outbox.addEventListener("refused", ({ detail }) => this.dispatch("refused", detail));
    this.listen(window, "beforeunload", (event) => {
      // Nothing is lost on leaving, it waits on the device; but it is sent from an open page alone.
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
      line.textContent = waiting > 1 ? `${WORDS[state]} (${waiting})` : WORDS[state];
    }
    this.target("refused")?.replaceChildren(...refused.map((entry) => this.refusal(entry)));
    this.dispatch("state", { state, waiting, refused: refused.length });
  }

  refusal(entry) {
    const row = document.createElement("li");
    row.className = "notice";
    row.dataset.state = "bad";
    const words = document.createElement("p");
    words.textContent = [entry.label, entry.problem.detail].filter(Boolean).join(": ");
    const close = document.createElement("button");
    close.type = "button";
    close.className = "bare";
    close.textContent = "Understood";
    close.addEventListener("click", () => this.outbox.dismiss(entry.key));
    row.append(words, close);
    return row;
  }
}
