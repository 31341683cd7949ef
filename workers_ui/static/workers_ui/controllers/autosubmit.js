/* <select data-controller="autosubmit">: a change sends its form at once. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.element, "change", () => this.element.form.requestSubmit());
    // Chosen while this module was still on its way; a form that changes something waits to be asked.
    const chosen = [...(this.element.options ?? [])].some((option) => option.selected !== option.defaultSelected);
    if (chosen && this.element.form.method === "get") this.element.form.requestSubmit();
  }
}
