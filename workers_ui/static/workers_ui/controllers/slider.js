/* <div data-controller="slider"><output data-slider-target="value"></output><input type="range" data-slider-target="range">:
 * shows the percentage while the slider moves. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.target("range"), "input", () => this.show());
    this.show();
  }

  show() {
    const range = this.target("range");
    this.target("value").textContent = `${range.value}%`;
    range.setAttribute("aria-valuetext", `${range.value}%`);
  }
}
