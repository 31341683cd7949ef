/* A native <dialog class="sheet"> and its opener: data-dialog-action="click:open" and "click:close".
 * A form with method="dialog" closes it, as do Escape and a click outside. The browser restores the focus. */

import { Controller } from "../lib/controller.js";
import { quiet } from "../lib/quiet.js";

export default class extends Controller {
  get sheet() {
    return this.target("sheet");
  }

  connect() {
    this.listen(this.sheet, "click", (event) => {
      if (event.target === this.sheet && !this.inside(event)) this.close();
    });
    if (this.value("open") === "true") this.open();
  }

  disconnect() {
    this.sheet?.close();
  }

  open() {
    if (this.sheet.open) return;
    this.sheet.showModal();
    // The second half of a double click on the opener must not reach a button of the dialog.
    quiet({ gentle: true });
  }

  close() {
    this.sheet.close();
  }

  inside(event) {
    const bounds = this.sheet.getBoundingClientRect();
    const across = event.clientX >= bounds.left && event.clientX <= bounds.right;
    return across && event.clientY >= bounds.top && event.clientY <= bounds.bottom;
  }
}
