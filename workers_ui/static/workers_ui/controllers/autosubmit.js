/* <select data-controller="autosubmit">: a change sends its form at once. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    this.listen(this.element, "change", () => this.element.form.requestSubmit());
  }
}
