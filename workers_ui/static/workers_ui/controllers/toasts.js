/* The place where toasts appear; a live region, so that they are read out. */

import { Controller } from "./controller.js";

const STAY = 6000;

export default class extends Controller {
  connect() {
    this.listen(document, "annotary:toast", ({ detail }) => this.show(detail));
  }

  show({ text, state }) {
    const toast = document.createElement("div");
    toast.className = "toast";
    if (state) toast.dataset.state = state;
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "bare";
    close.textContent = "Close";
    close.addEventListener("click", () => toast.remove());
    toast.append(words, close);
    this.element.append(toast);
    // Bad news waits until it is closed.
    if (state !== "bad") setTimeout(() => toast.remove(), STAY);
  }
}
