/* <form data-controller="selection" data-selection-noun="image">: several rows of a list, for one action.
 * Targets: "one" (the checkbox of a row), "all" (selects them), "count" (says how many), "act" (the buttons). */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.element, "change", ({ target }) => {
      if (target === this.target("all")) for (const each of this.targets("one")) each.checked = target.checked;
      this.show();
    });
    // The browser may have kept the boxes as they were.
    this.listen(window, "pageshow", () => this.show());
    this.show();
  }

  show() {
    const boxes = this.targets("one");
    const count = boxes.filter((each) => each.checked).length;
    const all = this.target("all");
    if (all) all.checked = count === boxes.length;
    const noun = this.value("noun");
    const line = this.target("count");
    if (line) line.textContent = count === 0 ? "" : `${count} ${count === 1 ? noun : `${noun}s`} selected`;
    for (const button of this.targets("act")) button.disabled = count === 0;
  }
}
