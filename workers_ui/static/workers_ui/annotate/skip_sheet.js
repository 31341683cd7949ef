/* The sheet that asks why an image is skipped: a tap or a digit on a reason skips at once, Enter skips without one. */

import { quiet } from "../lib/quiet.js";

const OTHER = "other";

export class SkipSheet {
  /** `dialog` holds a button for each reason, a field for a note, and buttons to skip without a reason and to cancel;
   * `skip` receives {reason, note}. */
  constructor(dialog, { signal, skip }) {
    Object.assign(this, { dialog, skip });
    this.note = dialog.querySelector("input");
    this.reasons = [...dialog.querySelectorAll("[data-reason]")];
    dialog.addEventListener("click", (event) => this.click(event), { signal });
    dialog.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  open() {
    if (this.dialog.open) return;
    this.note.value = "";
    this.dialog.showModal();
    // On no button: Enter skips without a reason, and Tab comes to the first one.
    this.dialog.focus();
    quiet({ gentle: true });
  }

  click({ target }) {
    const button = target.closest("button");
    if (target === this.dialog || button?.dataset.skip === "cancel") this.dialog.close();
    else if (button) this.choose(button.dataset.reason ?? "");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const types = event.target === this.note;
    const reason = types ? undefined : this.reasons[Number(event.key) - 1];
    const enters = event.key === "Enter" && event.target.closest("button") === null;
    if (!reason && !enters) return;
    event.preventDefault();
    this.choose(reason?.dataset.reason ?? "");
  }

  choose(reason) {
    const note = this.note.value.trim();
    this.dialog.close();
    this.skip({ reason: reason || (note ? OTHER : ""), note });
  }
}
