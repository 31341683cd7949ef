/* Answers that were rejected, one at a time, with the part of the image that this is about. The base of the worker's
 * and the reviewer's desk of appeals. Options: {schema, cases: [{id, url, width, height, name, answer, region}]}.
 * A subclass has `keys`, {key: method}, and `describe(item)`. Arrows move between the cases. */

import { regionOverlay } from "../canvas/tools/index.js";
import { Controller } from "../lib/controller.js";
import { quiet } from "../lib/quiet.js";
import { annotatorButtons, isTyping, LabelDesk } from "./label_desk.js";

export class CaseDesk extends Controller {
  connect() {
    this.options = this.json("options");
    this.cases = this.options.cases;
    this.index = 0;
    this.desk = new LabelDesk(this, this.options.schema, { editing: false });
    // In the capture phase, before the annotator, which pans with the arrows once it has the focus.
    document.addEventListener("keydown", (event) => this.key(event), { capture: true, signal: this.signal });
    this.show();
  }

  disconnect() {
    this.desk.destroy();
  }

  get case() {
    return this.cases[this.index];
  }

  key(event) {
    if (isTyping(event) || event.repeat || event.shiftKey || !this.case) return;
    const method = { ArrowRight: "next", ArrowLeft: "previous", ...this.keys }[
      event.key.length === 1 ? event.key.toLowerCase() : event.key
    ];
    if (!method) return;
    event.preventDefault();
    event.stopPropagation();
    void this[method]();
  }

  show() {
    const item = this.case;
    this.showProblem("");
    this.desk.show({ ...item, overlays: [...(item.overlays ?? []), ...this.regionOf(item)] });
    this.target("label").textContent = this.desk.describe(item.answer);
    this.target("reason").textContent = item.reason;
    this.target("reason-part").hidden = item.reason === "";
    const number = (count) => count.toLocaleString(document.documentElement.lang);
    this.target("position").textContent = `${number(this.index + 1)} of ${number(this.cases.length)}`;
    this.describe(item);
  }

  regionOf({ region }) {
    return region ? [regionOverlay(region, "Marked by the reviewer")] : [];
  }

  next() {
    if (this.index < this.cases.length - 1) this.goTo(this.index + 1);
  }

  previous() {
    if (this.index > 0) this.goTo(this.index - 1);
  }

  goTo(index) {
    this.index = index;
    this.show();
  }

  /* The keys and the pointer are still where they decided the case before. */
  goOn() {
    this.show();
    this.desk.annotator.element.focus({ preventScroll: true });
    quiet();
  }

  openSheet() {
    this.target("text").value = "";
    this.target("sheet").showModal();
    quiet({ gentle: true });
    this.target("text").focus();
  }

  closeSheet() {
    this.target("sheet").close();
  }

  showProblem(message) {
    const line = this.target("problem");
    line.querySelector("p").textContent = message;
    line.hidden = message === "";
  }
}

Object.assign(CaseDesk.prototype, annotatorButtons);

/** The part of the image on the screen, or null if that is nearly all of it. */
export function visibleRegion({ width, height, visible }) {
  return visible.w * visible.h < 0.9 * width * height ? visible : null;
}
