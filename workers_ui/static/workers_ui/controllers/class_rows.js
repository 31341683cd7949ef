/* Adds and removes rows of classes. Targets: "rows" (a list) and "template" (a new row). */

import { looksOf, swatchOf } from "../canvas/palette.js";
import { Controller } from "../lib/controller.js";

/* Okabe and Ito's colors, as in projects/colors.py. */
const PALETTE = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000"];

export default class extends Controller {
  connect() {
    this.listen(this.element, "click", (event) => this.remove(event));
    this.listen(this.element, "keydown", (event) => this.enter(event));
    this.listen(this.element, "input", ({ target }) => target.name === "class_color" && this.showLooks());
    this.showLooks();
  }

  get rows() {
    return this.target("rows");
  }

  add() {
    this.rows.append(this.target("template").content.cloneNode(true));
    const row = this.rows.lastElementChild;
    row.querySelector('[name="class_color"]').value = this.unusedColor();
    this.renumber();
    row.querySelector('[name="class_name"]').focus();
  }

  unusedColor() {
    const used = new Set(
      [...this.rows.querySelectorAll('[name="class_color"]')].slice(0, -1).map((input) => input.value),
    );
    return PALETTE.find((color) => !used.has(color)) ?? PALETTE[this.rows.children.length % PALETTE.length];
  }

  remove(event) {
    const button = event.target.closest("[data-class-rows-remove]");
    if (!button) return;
    const row = button.closest("li");
    const neighbor = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    if (!neighbor) this.add();
    else neighbor.querySelector('[name="class_name"]').focus();
    this.renumber();
  }

  /* Enter moves to the next class, or adds one after the last, instead of submitting a half-written form. */
  enter(event) {
    if (event.key !== "Enter" || event.target.name !== "class_name") return;
    event.preventDefault();
    const next = event.target.closest("li").nextElementSibling;
    if (next) next.querySelector('[name="class_name"]').focus();
    else this.add();
  }

  renumber() {
    [...this.rows.children].forEach((row, index) => {
      row.querySelector('[name="class_name"]').setAttribute("aria-label", `Name of class ${index + 1}`);
      row.querySelector('[name="class_color"]').setAttribute("aria-label", `Color of class ${index + 1}`);
    });
    this.showLooks();
  }

  /* What workers will see: the pattern tells classes of one color apart. */
  showLooks() {
    const colors = [...this.rows.querySelectorAll('[name="class_color"]')];
    const looks = looksOf(colors.map(({ value }) => ({ color: value })));
    for (const [position, input] of colors.entries()) {
      input.parentElement.querySelector(".swatch")?.remove();
      if (looks[position].sign > 0) input.after(swatchOf(looks[position]));
    }
  }
}
