/* Buttons on the image for what is going on: an unfinished drawing, or a selected point. They do for fingers what keys do
 * on a keyboard. An action is {label, icon?, text?, isMain?, isDisabled?, run}. */

import { iconOf } from "../lib/icons.js";

/* The bar keeps this distance, in CSS pixels, from the point that is being worked on. */
const CLEARANCE = 48;

export class ActionBar {
  constructor(annotator) {
    this.annotator = annotator;
    this.element = document.createElement("div");
    this.element.className = "annotator-bar";
    this.element.setAttribute("role", "toolbar");
    this.element.setAttribute("aria-label", "Drawing");
    this.element.hidden = true;
    annotator.element.append(this.element);
    this.shown = "";
  }

  render() {
    const { sketch, points } = this.annotator;
    const actions = sketch ? sketch.actions : points.actions;
    this.makeRoom(sketch ? sketch.place : points.selected);
    // Pointer moves redraw: a button must not be replaced while it is pressed.
    const shown = JSON.stringify(actions);
    if (shown === this.shown) return;
    this.shown = shown;
    this.element.hidden = actions.length === 0;
    this.element.replaceChildren(...actions.map((action, position) => this.button(action, position)));
  }

  /* Changes sides where the next point may be below it. `place` is {x, y} in the image, or null. */
  makeRoom(place) {
    const { element, annotator } = this;
    if (element.hidden || place === null) return;
    const { size } = annotator.viewport;
    const { x, y } = annotator.viewport.toScreen(place);
    const isBelow =
      Math.abs(x - size.width / 2) < element.offsetWidth / 2 + CLEARANCE &&
      y > size.height - element.offsetHeight - CLEARANCE;
    element.dataset.side = isBelow ? "top" : "bottom";
  }

  button({ label, icon, text, isMain = false, isDisabled = false }, position) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.title = label;
    button.disabled = isDisabled;
    button.classList.toggle("quiet", !isMain);
    button.classList.toggle("icon-only", !text);
    if (icon) button.append(iconOf(icon));
    if (text) button.append(text);
    button.addEventListener("click", () => this.run(position));
    return button;
  }

  run(position) {
    const { sketch, points, element } = this.annotator;
    const actions = sketch ? sketch.actions : points.actions;
    actions[position]?.run();
    element.focus({ preventScroll: true });
  }
}
