/* How many answers an image gets: Fixed hides the maximum, which Dynamic needs.
 *
 * One answer per image is how a team works, so it chooses Fixed, as long as nobody has chosen. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.hasChosen = false;
    this.least = this.element.querySelector("[name=answers_min]");
    this.listen(this.element, "change", (event) => {
      if (event.target.name === "answers_mode") this.hasChosen = true;
      this.show();
    });
    this.listen(this.least, "input", () => this.suggest());
    this.show();
  }

  suggest() {
    if (this.hasChosen || this.least.value.trim() !== "1") return;
    for (const mode of this.targets("mode")) mode.checked = mode.value === "fixed";
    this.show();
  }

  show() {
    const isFixed = this.targets("mode").some((mode) => mode.checked && mode.value === "fixed");
    this.target("dynamic").hidden = isFixed;
  }
}
