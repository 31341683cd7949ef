/* Verdicts on labels, the least sure first. Options: {schema, list, labels, target, again}.
 * Keys: A approves, F fixes, R rejects with a reason, arrows walk; while fixing, Enter saves and Escape cancels. */

import { call } from "./api.js";
import { Controller } from "./controller.js";
import { evidenceRows, overlaysOf, sureness } from "./evidence.js";
import { canvasButtons, isTyping, LabelDesk } from "./label_desk.js";
import { toast } from "./notify.js";

export default class ReviewDesk extends Controller {
  connect() {
    this.options = this.json("options");
    this.labels = this.options.labels;
    this.index = 0;
    this.fixing = false;
    this.desk = new LabelDesk(this, this.options.schema, { editing: false });
    // Before the canvas, which pans with the arrows once it has the focus.
    document.addEventListener("keydown", (event) => this.key(event), { capture: true, signal: this.signal });
    this.show();
  }

  disconnect() {
    this.desk.destroy();
  }

  get label() {
    return this.labels[this.index];
  }

  key(event) {
    if (isTyping(event) || event.shiftKey || !this.label) return;
    const walking = { ArrowRight: "next", ArrowLeft: "previous", a: "approve", f: "fix", r: "askReason" };
    const fixing = { Enter: "saveFix", Escape: "cancelFix", e: "nothing" };
    const step = (this.fixing ? fixing : walking)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const onButton = event.target instanceof Element && event.target.closest("button, a, summary");
    if (!step || (event.key === "Enter" && onButton)) return;
    event.preventDefault();
    event.stopPropagation();
    void this[step]();
  }

  show() {
    this.problem("");
    this.mode(false);
    const { label } = this;
    if (!label) {
      this.finish();
      return;
    }
    this.desk.show({ ...label, overlays: [] });
    this.evidence = null;
    this.target("label").textContent = this.desk.words(label.answer);
    this.target("sure").textContent = sureness(label, this.options.target);
    Object.assign(this.target("page"), { href: label.page, hidden: false });
    this.target("place").textContent = `${this.index + 1} of ${this.labels.length}, batch ${label.batch}`;
    this.target("evidence").replaceChildren();
    void this.loadEvidence(label);
  }

  async loadEvidence(label) {
    const told = await call("GET", `/api/v1/tasks/${label.task}/evidence/`);
    if (label !== this.label) return;
    if (!told.ok) {
      this.problem(told.sentence);
      return;
    }
    this.evidence = told.body;
    this.target("evidence").replaceChildren(...evidenceRows(told.body, this.desk));
    this.showOverlays();
    const now = told.body.label;
    if (now && now.content_hash !== label.hash) this.replaced(now);
  }

  /* The label has a newer version than the list: show that one before anything is decided. */
  replaced(now) {
    Object.assign(this.label, { hash: now.content_hash, answer: now.body, confidence: now.confidence, method: now.method });
    this.desk.show({ ...this.label, overlays: [] });
    this.target("label").textContent = this.desk.words(now.body);
    this.target("sure").textContent = sureness(this.label, this.options.target);
    this.showOverlays();
    this.problem("This label has changed since the list was loaded; this is what it says now.");
  }

  showOverlays() {
    const wanted = this.target("overlay").checked && !this.fixing;
    this.desk.canvas.setOverlays(wanted && this.evidence ? overlaysOf(this.evidence) : []);
  }

  next() {
    if (this.index < this.labels.length - 1) this.walk(this.index + 1);
  }

  previous() {
    if (this.index > 0) this.walk(this.index - 1);
  }

  walk(index) {
    this.index = index;
    this.show();
  }

  approve() {
    return this.decide({ verdict: "approve" }, "Approved.");
  }

  fix() {
    this.mode(true);
    this.showOverlays();
    if (this.desk.wantsBoxes) this.desk.canvas.element.focus({ preventScroll: true });
  }

  cancelFix() {
    this.desk.show({ ...this.label, overlays: [] });
    this.mode(false);
    this.showOverlays();
  }

  saveFix() {
    const answer = this.desk.answer();
    if (answer) return this.decide({ verdict: "fix", answer }, "Fixed and approved.");
    this.problem("The label says nothing yet: choose a class, draw a box, or say that there is nothing to label.");
    return null;
  }

  nothing() {
    if (!this.desk.canBeEmpty) return null;
    return this.decide({ verdict: "fix", answer: this.desk.answer({ empty: true }) }, "Fixed and approved.");
  }

  askReason() {
    this.target("reason").value = "";
    this.target("sheet").showModal();
    this.target("reason").focus();
  }

  closeSheet() {
    this.target("sheet").close();
  }

  reject() {
    return this.decide({ verdict: "reject", reason: this.target("reason").value.trim() }, "Rejected; it is labelled again.");
  }

  async decide(verdict, words) {
    const { label } = this;
    if (this.sending || !label) return;
    this.sending = true;
    const again = this.options.again ? { again: true } : {};
    const told = await call("POST", `/api/v1/tasks/${label.task}/review/`, { label_hash: label.hash, ...again, ...verdict });
    this.sending = false;
    if (told.ok) this.decided(label, words);
    else if (told.status === 409) await this.faster(label, told);
    else this.problem(told.sentence);
  }

  decided(label, words) {
    this.target("told").textContent = `${words} ${label.name}`;
    const count = document.querySelector("[data-review-left]");
    if (count) count.textContent = String(Math.max(0, Number(count.textContent.replace(/\D/g, "")) - 1));
    this.drop(label);
  }

  /* Somebody else decided, or the label moved on: look at what stands there now instead of insisting. */
  async faster(label, told) {
    if (told.body?.type?.endsWith(":label_changed")) {
      await this.loadEvidence(label);
      return;
    }
    toast(`Somebody else was faster. ${told.sentence}`, "warn");
    this.drop(label);
  }

  drop(label) {
    const at = this.labels.indexOf(label);
    if (at < 0) return;
    this.labels.splice(at, 1);
    if (this.index >= this.labels.length) this.index = Math.max(0, this.labels.length - 1);
    if (this.labels.length === 0 && this.options.again) location.assign(label.page);
    else if (this.labels.length === 0) location.reload(); // the next labels, or the word that all is done
    else this.show();
  }

  finish() {
    this.target("done").hidden = false;
  }

  mode(fixing) {
    this.fixing = fixing;
    this.target("decide").hidden = fixing;
    this.target("fixing").hidden = !fixing;
    this.target("walk").hidden = fixing;
    for (const button of this.target("fixing").querySelectorAll("[data-review-desk-action='click:nothing']")) {
      button.hidden = !this.desk.canBeEmpty;
    }
    if (this.desk.canvas) this.desk.edit(fixing);
  }

  problem(sentence) {
    const line = this.target("problem");
    line.querySelector("p").textContent = sentence;
    line.hidden = sentence === "";
  }
}

Object.assign(ReviewDesk.prototype, canvasButtons);
