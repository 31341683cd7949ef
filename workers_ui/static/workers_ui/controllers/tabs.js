/* <nav data-controller="tabs">: where the tabs do not fit, the current one is brought into sight. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    const current = this.element.querySelector("[aria-current]");
    if (!current) return;
    const room = this.element.clientWidth - current.offsetWidth;
    const left = current.offsetLeft - this.element.offsetLeft;
    if (left > room) this.element.scrollLeft = left - room / 2;
  }
}
