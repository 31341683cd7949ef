/* A <details class="menu"> that closes on Escape, on a click elsewhere and when the focus leaves. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.listen(document, "pointerdown", (event) => {
      if (!this.element.contains(event.target)) this.element.open = false;
    });
    this.listen(this.element, "keydown", (event) => {
      if (event.key !== "Escape" || !this.element.open) return;
      this.element.open = false;
      this.element.querySelector("summary").focus();
    });
    this.listen(this.element, "focusout", (event) => {
      if (event.relatedTarget && !this.element.contains(event.relatedTarget)) this.element.open = false;
    });
  }
}
