/* The cost of a number of images at the price and answers per image entered in the surrounding form. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.form = this.element.closest("form");
    this.listen(this.form, "input", () => this.show());
    this.show();
  }

  number(name) {
    const text = this.form.elements.namedItem(name)?.value ?? "";
    return text.trim() === "" ? NaN : Number(text.replace(",", ".").replace("%", ""));
  }

  show() {
    const images = Number(this.value("images"));
    const [answers, price, checks] = [this.number("answers_min"), this.number("price"), this.number("gold_rate")];
    const payBy = this.form.elements.namedItem("pay_by")?.value || "answer";
    const complete = payBy === "answer" && [answers, price, checks].every(Number.isFinite) && checks < 100;
    this.element.hidden = !complete;
    if (!complete) return;
    const cost = (images * answers * price) / (1 - checks / 100);
    const currency = this.form.elements.namedItem("currency").value;
    this.target("words").textContent =
      `${images} image${images === 1 ? "" : "s"} with ${answers} answer${answers === 1 ? "" : "s"} each, check images included:`;
    this.target("cost").textContent =
      `about ${new Intl.NumberFormat("en-US", { style: "currency", currency }).format(cost)}`;
  }
}
