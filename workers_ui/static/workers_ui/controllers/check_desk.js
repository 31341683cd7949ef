/* The owner labels check images one after the other. Options: {schema, post, have, enough, images}.
 * Keys: Enter saves, E says that there is nothing to label, the right arrow takes another image. */

import { call } from "./api.js";
import { Controller } from "./controller.js";
import { canvasButtons, isTyping, LabelDesk } from "./label_desk.js";
import { toast } from "./notify.js";

export default class CheckDesk extends Controller {
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
    if (isTyping(event) || event.defaultPrevented) return;
    const onButton = event.target instanceof Element && event.target.closest("button, a, summary, [role=button]");
    if (event.key === "Enter" && !onButton) void this.save();
    else if (event.key.toLowerCase() === "e" && this.desk.canBeEmpty) void this.nothing();
    else if (event.key === "ArrowRight") this.next();
    else return;
    event.preventDefault();
  }

  show() {
    this.problem("");
    if (this.images.length === 0) {
      location.reload(); // the next images, or the word that there are none
      return;
    }
    this.desk.show(this.images[0]);
  }

  next() {
    this.images.push(this.images.shift());
    this.show();
  }

  save() {
    const answer = this.desk.answer();
    if (answer) return this.send(answer);
    const way = this.desk.wantsClass ? "Choose the class of the image first." : "Draw the boxes first, or say that there is nothing to label.";
    this.problem(way);
    return null;
  }

  nothing() {
    return this.send(this.desk.answer({ empty: true }));
  }

  async send(answer) {
    if (this.sending || answer === null) return;
    this.sending = true;
    this.target("save").setAttribute("aria-busy", "true");
    const told = await call("POST", this.options.post, { image: this.images[0].id, answer });
    this.sending = false;
    this.target("save").removeAttribute("aria-busy");
    if (told.ok) this.saved();
    else if (told.status === 409) this.taken(told.sentence);
    else this.problem(told.sentence);
  }

  saved() {
    this.have += 1;
    this.target("count").textContent = `${this.have} check image${this.have === 1 ? "" : "s"}`;
    this.target("bar").value = Math.min(this.have, this.options.enough);
    if (this.have === this.options.enough) toast("Enough to begin with. More make the figures surer.", "ok");
    this.images.shift();
    this.show();
  }

  taken(sentence) {
    toast(sentence, "warn");
    this.images.shift();
    this.show();
  }

  problem(sentence) {
    const line = this.target("problem");
    line.querySelector("p").textContent = sentence;
    line.hidden = sentence === "";
  }
}

Object.assign(CheckDesk.prototype, canvasButtons);
