/* <form data-controller="submit" data-submit-busy="Saving…">: submits once per click and shows it on the button. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.element, "submit", (event) => this.hold(event));
    // A page restored from the back-forward cache must be usable again.
    this.listen(window, "pageshow", () => this.release());
  }

  hold(event) {
    if (this.submitted) {
      event.preventDefault();
      return;
    }
    this.submitted = true;
    this.button = event.submitter;
    if (!this.button || !this.value("busy")) return;
    this.label = this.button.textContent;
    this.button.textContent = this.value("busy");
    this.button.setAttribute("aria-busy", "true");
  }

  release() {
    this.submitted = false;
    if (!this.button || this.label === undefined) return;
    this.button.textContent = this.label;
    this.button.removeAttribute("aria-busy");
  }
}
