/* A worker's rejected answers, and appeals. Each case: {state, mayAppeal, until, sentBack, statement,
 * decision}.
 * Keys: A appeals, arrows move; in the statement, Ctrl+Enter sends it. */

import { callApi } from "../lib/api.js";
import { CaseDesk } from "./case_desk.js";

const STATES = { rejected: "Rejected", appealed: "Appealed", upheld: "Appeal upheld", denied: "Appeal denied" };

export default class RejectedDesk extends CaseDesk {
  get keys() {
    return { a: "ask" };
  }

  describe({ state, mayAppeal, until, sentBack, statement, decision }) {
    const chip = this.target("state");
    chip.textContent = STATES[state];
    this.target("until").textContent = until;
    this.target("sent-back").textContent = sentBack;
    this.target("sent-back").hidden = sentBack === "";
    this.target("ask-part").hidden = !mayAppeal;
    this.target("statement-part").hidden = statement === "";
    this.target("statement").textContent = statement;
    this.target("decision-part").hidden = decision === "";
    this.target("decision").textContent = decision;
  }

  ask() {
    if (this.case.mayAppeal) this.openSheet();
  }

  statementKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.currentTarget.form.requestSubmit();
  }

  async send() {
    const item = this.case;
    const statement = this.target("text").value.trim();
    if (this.sending || !statement) return;
    this.sending = true;
    const response = await callApi("POST", `/api/v1/work/rejections/${item.id}/appeal/`, { statement });
    this.sending = false;
    if (!response.ok) {
      this.showProblem(response.message);
      return;
    }
    Object.assign(item, { state: "appealed", mayAppeal: false, statement, until: "", sentBack: "" });
    this.target("status").textContent = "Your appeal was sent. Someone else looks at it.";
    const following = this.cases.findIndex((other, at) => at > this.index && other.mayAppeal);
    if (following >= 0) this.index = following;
    this.goOn();
  }
}
