/* <select data-controller="autosubmit">: submits its form on change. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.element, "change", () => this.element.form.requestSubmit());
    // A choice made while this module was loading. A form that changes data waits for an explicit change.
    const chosen = [...(this.element.options ?? [])].some((option) => option.selected !== option.defaultSelected);
    if (chosen && this.element.form.method === "get") this.element.form.requestSubmit();
  }
}
