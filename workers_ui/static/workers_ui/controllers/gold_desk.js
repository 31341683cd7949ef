/* The owner labels gold images, or those of an exam, one by one. Options: {schema, post, have, enough, images, noun}.
 * Targets "field" are sent with each answer; those marked data-once are emptied then.
 * Dispatches "gold-desk:saved", at which the page's list is loaded again.
 * Keys: Enter saves, E marks the image as having nothing to label, the right arrow moves to the next image. */

import { callApi } from "../lib/api.js";
import { Controller } from "../lib/controller.js";
import { toast } from "../lib/notify.js";
import { quiet } from "../lib/quiet.js";
import { annotatorButtons, isTyping, LabelDesk } from "./label_desk.js";

export default class GoldDesk extends Controller {
  connect() {
    this.options = this.json("options");
    this.images = this.options.images;
    this.have = this.options.have;
    this.desk = new LabelDesk(this, this.options.schema, { editing: true });
    this.target("nothing").hidden = !this.desk.canBeEmpty;
    this.listen(document, "keydown", (event) => this.key(event));
    this.show();
  }

  disconnect() {
    this.desk.destroy();
  }

  key(event) {
    if (isTyping(event) || event.defaultPrevented || event.repeat) return;
    const onButton = event.target instanceof Element && event.target.closest("button, a, summary, [role=button]");
    if (event.key === "Enter" && !onButton) void this.save();
    else if (event.key.toLowerCase() === "e" && this.desk.canBeEmpty) void this.nothing();
    else if (event.key === "ArrowRight") this.next();
    else return;
    event.preventDefault();
  }

  show() {
    this.showProblem("");
    if (this.images.length === 0) {
      location.reload(); // loads the next images, or the notice that there are none
      return;
    }
    this.desk.show(this.images[0]);
  }

  next() {
    if (this.desk.warnIfUnfinished()) return;
    this.images.push(this.images.shift());
    this.show();
  }

  save() {
    if (this.desk.warnIfUnfinished()) return null;
    const answer = this.desk.answer();
    if (answer) return this.send(answer);
    const hint = this.desk.needsClass
      ? "Choose a class for the image first."
      : `Draw the ${this.desk.noun.many} first, or select “Nothing to label”.`;
    this.showProblem(hint);
    return null;
  }

  nothing() {
    if (this.desk.warnIfUnfinished()) return null;
    return this.send(this.desk.answer({ empty: true }));
  }

  async send(answer) {
    if (this.sending || answer === null) return;
    this.sending = true;
    this.target("save").setAttribute("aria-busy", "true");
    const response = await callApi("POST", this.options.post, {
      ...this.fields(),
      image: this.images[0].id,
      answer,
    });
    this.sending = false;
    this.target("save").removeAttribute("aria-busy");
    if (response.ok) this.saved();
    else if (response.status === 409) this.unavailable(response.message);
    else this.showProblem(response.message);
  }

  fields() {
    return Object.fromEntries(this.targets("field").map(({ name, value }) => [name, value]));
  }

  saved() {
    this.dispatch("saved", {});
    this.have += 1;
    const noun = this.options.noun ?? "check image";
    this.target("count").textContent = `${this.have} ${noun}${this.have === 1 ? "" : "s"}`;
    for (const field of this.targets("field")) if ("once" in field.dataset) field.value = "";
    this.target("bar").value = Math.min(this.have, this.options.enough);
    if (this.have === this.options.enough && !this.options.noun)
      toast("You have enough to start. More check images make the figures more reliable.", "ok");
    this.showNext();
  }

  unavailable(message) {
    this.dispatch("saved", {}); // by someone else
    toast(message, "warn");
    this.showNext();
  }

  /* The keys and the pointer are still where they saved the image before. */
  showNext() {
    this.images.shift();
    this.show();
    this.desk.annotator.element.focus({ preventScroll: true });
    quiet();
  }

  showProblem(message) {
    const line = this.target("problem");
    line.querySelector("p").textContent = message;
    line.hidden = message === "";
  }
}

Object.assign(GoldDesk.prototype, annotatorButtons);
