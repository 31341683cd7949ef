/* <form data-controller="submit" data-submit-busy="Saving …">: one press sends once, and the button says so. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.element, "submit", (event) => this.hold(event));
    // A page that comes back from the browser's cache must be usable again.
    this.listen(window, "pageshow", () => this.release());
  }

  hold(event) {
    if (this.sent) {
      event.preventDefault();
      return;
    }
    this.sent = true;
    this.button = event.submitter;
    if (!this.button || !this.value("busy")) return;
    this.words = this.button.textContent;
    this.button.textContent = this.value("busy");
    this.button.setAttribute("aria-busy", "true");
  }

  release() {
    this.sent = false;
    if (!this.button || this.words === undefined) return;
    this.button.textContent = this.words;
    this.button.removeAttribute("aria-busy");
  }
}
