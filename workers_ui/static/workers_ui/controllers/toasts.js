/* Shows toasts in a live region, so that screen readers announce them. */

import { Controller } from "../lib/controller.js";

const DURATION = 6000;

export default class extends Controller {
  connect() {
    this.listen(document, "annotary:toast", ({ detail }) => this.show(detail));
  }

  show({ text, state }) {
    const toast = document.createElement("div");
    toast.className = "toast";
    if (state) toast.dataset.state = state;
    const message = document.createElement("p");
    message.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "bare";
    close.textContent = "Close";
    close.addEventListener("click", () => toast.remove());
    toast.append(message, close);
    this.element.append(toast);
    // Errors stay until they are closed.
    if (state !== "bad") setTimeout(() => toast.remove(), DURATION);
  }
}
