/* <nav data-controller="tabs">: where the tabs do not fit, the current one is brought into sight. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    const current = this.element.querySelector("[aria-current]");
    if (!current) return;
    const room = this.element.clientWidth - current.offsetWidth;
    this.element.scrollLeft = current.offsetLeft - this.element.offsetLeft - room / 2;
  }
}
