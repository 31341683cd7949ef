/* Reviews labels, least certain first. Options: {schema, list, labels, target, again,
 * sendsBack, hasEvidence}; each label: {task, stage, answer, ...}.
 * Keys: A approves, F fixes, R rejects with a reason (Ctrl+Enter sends the image back to its worker), arrows move between labels; in a fix, Enter saves, Escape cancels. */

import { withArticle } from "../canvas/tools/index.js";
import { callApi } from "../lib/api.js";
import { Controller } from "../lib/controller.js";
import { toast } from "../lib/notify.js";
import { quiet } from "../lib/quiet.js";
import { visibleRegion } from "./case_desk.js";
import { certainty, evidenceRows, overlaysOf } from "./evidence.js";
import { annotatorButtons, isTyping, LabelDesk } from "./label_desk.js";

export default class ReviewDesk extends Controller {
  connect() {
    this.options = this.json("options");
    this.labels = this.options.labels;
    this.index = 0;
    this.fixing = false;
    this.desk = new LabelDesk(this, this.options.schema, { editing: false });
    // In the capture phase, before the annotator, which pans with the arrows once it has the focus.
    document.addEventListener("keydown", (event) => this.key(event), { capture: true, signal: this.signal });
    this.show();
  }

  disconnect() {
    this.desk.destroy();
  }

  get label() {
    return this.labels[this.index];
  }

  /* The page has some labels of a list that may be longer. */
  get position() {
    const number = (count) => count.toLocaleString(document.documentElement.lang);
    return `${number(this.options.first + this.index)} of ${number(this.options.total)}, batch ${this.label.batch}`;
  }

  key(event) {
    if (isTyping(event) || event.repeat || event.shiftKey || !this.label) return;
    // Keys of a drawing that is not finished, or of a selected point, are the annotator's.
    const { annotator } = this.desk;
    if (this.fixing && annotator.usesKey(event.key) && event.target === annotator.element) return;
    const reviewKeys = { ArrowRight: "next", ArrowLeft: "previous", a: "approve", f: "fix", r: "askReason" };
    const fixKeys = { Enter: "saveFix", Escape: "cancelFix", e: "nothing" };
    const method = (this.fixing ? fixKeys : reviewKeys)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const onButton = event.target instanceof Element && event.target.closest("button, a, summary");
    if (!method || (event.key === "Enter" && onButton)) return;
    event.preventDefault();
    event.stopPropagation();
    void this[method]();
  }

  show() {
    this.showProblem("");
    this.setFixing(false);
    const { label } = this;
    if (!label) {
      this.finish();
      return;
    }
    this.desk.show({ ...label, overlays: [] });
    this.evidence = null;
    this.target("label").textContent = this.desk.describe(label.answer);
    this.target("sure").textContent = certainty(label, this.options.target);
    this.target("stage").textContent = `Stage: ${label.stage}`;
    this.target("stage").hidden = !label.stage;
    Object.assign(this.target("page"), { href: label.page ?? "?", hidden: !label.page });
    this.target("position").textContent = this.position;
    this.target("evidence").replaceChildren();
    void this.loadEvidence(label);
  }

  async loadEvidence(label) {
    if (!this.options.hasEvidence) return;
    const response = await callApi("GET", `/api/v1/tasks/${label.task}/evidence/`);
    if (label !== this.label) return;
    if (!response.ok) {
      this.showProblem(response.message);
      return;
    }
    this.evidence = response.body;
    this.target("evidence").replaceChildren(...evidenceRows(response.body, this.desk));
    this.showOverlays();
    const current = response.body.label;
    if (current && current.content_hash !== label.hash) this.labelChanged(current);
  }

  /* The label has a newer version than the list: show it before anything is decided. */
  labelChanged(current) {
    Object.assign(this.label, {
      hash: current.content_hash,
      answer: current.body,
      confidence: current.confidence,
      method: current.method,
    });
    this.desk.show({ ...this.label, overlays: [] });
    this.target("label").textContent = this.desk.describe(current.body);
    this.target("sure").textContent = certainty(this.label, this.options.target);
    this.showOverlays();
    this.showProblem("This label has changed since the list was loaded. This is the current version.");
  }

  showOverlays() {
    const visible = this.target("overlay").checked && !this.fixing;
    this.desk.annotator.setOverlays(visible && this.evidence ? overlaysOf(this.evidence) : []);
  }

  next() {
    if (this.index < this.labels.length - 1) this.goTo(this.index + 1);
  }

  previous() {
    if (this.index > 0) this.goTo(this.index - 1);
  }

  goTo(index) {
    this.index = index;
    this.show();
  }

  approve() {
    return this.decide({ verdict: "approve" }, "Approved.");
  }

  fix() {
    this.setFixing(true);
    this.showOverlays();
    quiet({ gentle: true });
    if (this.desk.draws) this.desk.annotator.element.focus({ preventScroll: true });
  }

  cancelFix() {
    this.desk.show({ ...this.label, overlays: [] });
    this.setFixing(false);
    this.showOverlays();
    quiet({ gentle: true });
  }

  saveFix() {
    if (this.desk.warnIfUnfinished()) return null;
    const answer = this.desk.answer();
    if (answer) return this.decide({ verdict: "fix", answer }, "Fixed and approved.");
    const drawn = this.desk.draws ? ` draw ${withArticle(this.desk.noun)},` : "";
    this.showProblem(`The label is empty. Choose a class,${drawn} or select “Nothing to label”.`);
    return null;
  }

  nothing() {
    if (!this.desk.canBeEmpty || this.desk.warnIfUnfinished()) return null;
    return this.decide({ verdict: "fix", answer: this.desk.answer({ empty: true }) }, "Fixed and approved.");
  }

  askReason() {
    this.region = visibleRegion(this.desk.annotator);
    this.target("region-part").hidden = this.region === null;
    this.target("reason").value = "";
    this.target("sheet").showModal();
    quiet({ gentle: true });
    this.target("reason").focus();
  }

  closeSheet() {
    this.target("sheet").close();
  }

  reject() {
    return this.decide(this.rejection(), "Rejected. It will be labeled again.");
  }

  /* The workers who gave the answer get the image again. */
  sendBack() {
    if (!this.target("reason").reportValidity()) return null;
    this.closeSheet();
    return this.decide({ ...this.rejection(), send_back: true }, "Sent back to be corrected.");
  }

  rejection() {
    const region = this.region && this.target("region").checked ? { region: this.region } : {};
    return { verdict: "reject", reason: this.target("reason").value.trim(), ...region };
  }

  reasonKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !this.options.sendsBack) return;
    event.preventDefault();
    void this.sendBack();
  }

  async decide(verdict, confirmation) {
    const { label } = this;
    if (this.sending || !label) return;
    this.sending = true;
    const again = this.options.again ? { again: true } : {};
    const response = await callApi("POST", `/api/v1/tasks/${label.task}/review/`, {
      label_hash: label.hash,
      ...again,
      ...verdict,
    });
    this.sending = false;
    if (response.ok) this.decided(label, confirmation, listAfter(label, verdict));
    else if (response.status === 409) await this.conflict(label, response);
    else this.showProblem(response.message);
  }

  decided(label, confirmation, list) {
    this.target("status").textContent = `${confirmation} ${label.name}`;
    count(this.options.list, -1);
    count(list, 1);
    this.drop(label);
  }

  /* Someone else decided first, or the label changed: show its current state instead of retrying. */
  async conflict(label, response) {
    if (response.body?.type?.endsWith("/label_changed/")) {
      if (this.options.hasEvidence) await this.loadEvidence(label);
      else location.reload();
      return;
    }
    toast(`Someone else decided first. ${response.message}`, "warn");
    this.drop(label);
  }

  drop(label) {
    const at = this.labels.indexOf(label);
    if (at < 0) return;
    this.labels.splice(at, 1);
    this.options.total -= 1;
    if (this.index >= this.labels.length) this.index = Math.max(0, this.labels.length - 1);
    if (this.labels.length === 0 && this.options.again) location.assign(label.page);
    else if (this.labels.length === 0)
      location.reload(); // loads the next labels, or the notice that all are done
    else this.showNext();
  }

  /* The keys and the pointer are still where they decided on the label before. */
  showNext() {
    this.show();
    this.desk.annotator.element.focus({ preventScroll: true });
    quiet();
  }

  finish() {
    this.target("done").hidden = false;
  }

  setFixing(fixing) {
    this.fixing = fixing;
    this.target("decide").hidden = fixing;
    this.target("fixing").hidden = !fixing;
    this.target("walk").hidden = fixing;
    for (const button of this.target("fixing").querySelectorAll("[data-review-desk-action='click:nothing']")) {
      button.hidden = !this.desk.canBeEmpty;
    }
    if (this.desk.annotator) this.desk.setEditing(fixing);
  }

  showProblem(message) {
    const line = this.target("problem");
    line.querySelector("p").textContent = message;
    line.hidden = message === "";
  }
}

/* In a project with stages, the server alone knows whether a label has passed them all. */
function listAfter(label, { verdict }) {
  if (verdict === "reject") return "rejected";
  return label.stage ? "passed" : "approved";
}

/* The figures beside the names of the lists, above the desk. */
function count(list, change) {
  const figure = document.querySelector(`[data-review-count="${list}"]`);
  if (!figure) return;
  const value = Number(figure.textContent.replace(/\D/g, "")) + change;
  figure.textContent = Math.max(0, value).toLocaleString(document.documentElement.lang);
}

Object.assign(ReviewDesk.prototype, annotatorButtons);
