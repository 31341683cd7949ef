/* Decides appeals, and rejects wrong answers to check images with a reason. Options also: {project, sendsBack, kind: "appeal"
 * | "draft" | "decided"}; each case: {name, page, who, statement, facts, mayDecide, overlays}.
 * Keys: U upholds, D denies; R rejects, L leaves it; arrows move. */

import { callApi } from "../lib/api.js";
import { toast } from "../lib/notify.js";
import { CaseDesk, visibleRegion } from "./case_desk.js";

const SHEETS = {
  uphold: ["Uphold this appeal?", "The answer counts as right, and pay that was taken back is paid again.", "Uphold"],
  deny: ["Deny this appeal?", "The answer stays rejected. A worker can appeal once.", "Deny"],
  reject: ["What is wrong with this answer?", "The worker reads it like any other rejection.", "Reject answer"],
};

export default class AppealDesk extends CaseDesk {
  get keys() {
    return this.options.kind === "draft" ? { r: "reject", l: "leave" } : { u: "uphold", d: "deny" };
  }

  describe({ who, statement, facts, mayDecide, page }) {
    this.target("who").textContent = who;
    this.target("statement-part").hidden = statement === "";
    this.target("statement").textContent = statement;
    this.target("facts").replaceChildren(
      ...facts.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
    );
    this.target("decide").hidden = !mayDecide;
    this.target("refused").hidden = mayDecide || this.options.kind === "decided";
    Object.assign(this.target("page"), { href: page ?? "?", hidden: !page });
  }

  uphold() {
    this.open("uphold");
  }

  deny() {
    this.open("deny");
  }

  reject() {
    this.open("reject");
  }

  open(step) {
    if (!this.case.mayDecide) return;
    this.step = step;
    this.region = step === "reject" ? visibleRegion(this.desk.annotator) : null;
    const [title, text, label] = SHEETS[step];
    this.target("title").textContent = title;
    this.target("explain").textContent = text;
    this.target("go").textContent = label;
    this.target("region-part").hidden = this.region === null;
    this.openSheet();
  }

  send() {
    const { id } = this.case;
    const reason = this.target("text").value.trim();
    if (!reason) return null;
    if (this.step === "reject") return this.rejectDraft("Rejected. Workers see it with the next rejected work.");
    const uphold = this.step === "uphold";
    return this.decide("POST", `/api/v1/appeals/${id}/decision/`, { uphold, reason }, uphold ? "Upheld." : "Denied.");
  }

  rejectDraft(done, choice = {}) {
    const reason = this.target("text").value.trim();
    const region = this.region && this.target("region").checked ? this.region : null;
    return this.decide("POST", this.draftUrl, { reason, region, ...choice }, done);
  }

  /* Workers get it again to correct it, like work. */
  sendBack() {
    if (this.step !== "reject" || !this.target("text").reportValidity()) return null;
    this.closeSheet();
    return this.rejectDraft("Sent back. Workers get it with the next rejected work.", { send_back: true });
  }

  reasonKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !this.options.sendsBack) return;
    event.preventDefault();
    void this.sendBack();
  }

  leave() {
    if (this.case.mayDecide) return this.decide("DELETE", this.draftUrl, null, "Left as it is.");
    return null;
  }

  get draftUrl() {
    return `/api/v1/projects/${this.options.project}/explanations/${this.case.id}/`;
  }

  async decide(method, url, body, done) {
    const item = this.case;
    if (this.sending) return;
    this.sending = true;
    const response = await callApi(method, url, body);
    this.sending = false;
    if (response.ok) this.drop(item, done);
    else if (response.status === 409) {
      toast(response.message, "warn");
      this.drop(item, "");
    } else this.showProblem(response.message);
  }

  drop(item, done) {
    this.cases.splice(this.cases.indexOf(item), 1);
    if (this.cases.length === 0) {
      location.reload(); // loads the next cases, or the notice that all are decided
      return;
    }
    this.index = Math.min(this.index, this.cases.length - 1);
    this.target("status").textContent = done && `${done} ${item.name}`;
    this.goOn();
  }
}
