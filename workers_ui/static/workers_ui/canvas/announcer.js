/* What the annotator says: to screen readers in a live region, and, where it matters to everyone, on the image. */

import { formOf } from "./forms.js";
import { position } from "./wording.js";

export class Announcer {
  constructor(element) {
    this.live = document.createElement("p");
    this.live.className = "visually-hidden";
    this.live.setAttribute("aria-live", "polite");
    this.warning = document.createElement("p");
    this.warning.className = "annotator-warning";
    this.warning.hidden = true;
    element.append(this.live, this.warning);
  }

  say(text) {
    this.live.textContent = text;
  }

  /** Says a text to everyone, on the image; it disappears with the next change. */
  warn(text) {
    this.say(text);
    this.warning.textContent = text;
    this.warning.hidden = false;
  }

  endWarning() {
    this.warning.hidden = true;
  }

  added(description) {
    this.say(`Added ${description}`);
  }

  removed(object, number, left) {
    this.say(`Removed ${formOf(object).tool.noun.one} ${number}. ${left} left.`);
  }

  selected(object, description) {
    const { x, y } = formOf(object).bounds;
    this.say(`${description}, ${position({ x, y })}`);
  }

  point(points, id) {
    const index = points.findIndex((point) => point.id === id);
    this.say(`Point ${index + 1} of ${points.length}, ${position(points[index])}`);
  }
}
