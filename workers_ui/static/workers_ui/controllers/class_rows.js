/* Rows of classes that come and go. Targets: "rows" (a list) and "template" (a new row). */

import { Controller } from "./controller.js";

/* Okabe and Ito's colours, as projects/colors.py gives them. */
const PALETTE = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000"];

export default class extends Controller {
  connect() {
    this.listen(this.element, "click", (event) => this.remove(event));
    this.listen(this.element, "keydown", (event) => this.enter(event));
  }

  get rows() {
    return this.target("rows");
  }

  add() {
    this.rows.append(this.target("template").content.cloneNode(true));
    const row = this.rows.lastElementChild;
    row.querySelector('[name="class_color"]').value = this.freeColour();
    this.count();
    row.querySelector('[name="class_name"]').focus();
  }

  freeColour() {
    const used = new Set([...this.rows.querySelectorAll('[name="class_color"]')].slice(0, -1).map((input) => input.value));
    return PALETTE.find((colour) => !used.has(colour)) ?? PALETTE[this.rows.children.length % PALETTE.length];
  }

  remove(event) {
    const button = event.target.closest("[data-class-rows-remove]");
    if (!button) return;
    const row = button.closest("li");
    const near = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    if (!near) this.add();
    else near.querySelector('[name="class_name"]').focus();
    this.count();
  }

  /* Enter in the last name begins the next class; it would send the form half written. */
  enter(event) {
    if (event.key !== "Enter" || event.target.name !== "class_name") return;
    event.preventDefault();
    const next = event.target.closest("li").nextElementSibling;
    if (next) next.querySelector('[name="class_name"]').focus();
    else this.add();
  }

  count() {
    [...this.rows.children].forEach((row, index) => {
      row.querySelector('[name="class_name"]').setAttribute("aria-label", `Name of class ${index + 1}`);
      row.querySelector('[name="class_color"]').setAttribute("aria-label", `Colour of class ${index + 1}`);
    });
  }
}
