/* <div data-controller="dial"><output data-dial-target="words"></output><input type="range" data-dial-target="range">:
 * a share is read while it is moved. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.target("range"), "input", () => this.show());
    this.show();
  }

  show() {
    const range = this.target("range");
    this.target("words").textContent = `${range.value} %`;
    range.setAttribute("aria-valuetext", `${range.value} %`);
  }
}
