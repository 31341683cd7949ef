/* <nav data-controller="tabs">: scrolls the current tab into view when the tabs do not fit. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    const current = this.element.querySelector("[aria-current]");
    if (!current) return;
    const room = this.element.clientWidth - current.offsetWidth;
    const left = current.offsetLeft - this.element.offsetLeft;
    if (left > room) this.element.scrollLeft = left - room / 2;
  }
}
