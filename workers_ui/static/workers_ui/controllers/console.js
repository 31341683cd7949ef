/* The running totals of a project: the snapshot's, and every delta added the moment it comes. Elements with
 * data-console-total="NAME" show one; target "chart" is drawn anew from data-console-figures of the refreshed board,
 * and the project's state in the page's head follows the board's. */

import { controllerOf } from "./binder.js";
import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    this.totals = {};
    this.listen(this.element, "live:snapshot", ({ detail }) => {
      this.totals = { ...detail.data.totals };
      this.show();
    });
    this.listen(this.element, "live:event", ({ detail }) => {
      for (const [name, change] of Object.entries(detail.delta ?? {})) {
        this.totals[name] = (this.totals[name] ?? 0) + change;
      }
      this.show();
    });
    this.listen(this.element, "refresh:done", () => {
      this.head();
      this.draw();
    });
  }

  show() {
    for (const element of this.element.querySelectorAll("[data-console-total]")) {
      const count = this.totals[element.dataset.consoleTotal] ?? 0;
      element.textContent = count.toLocaleString(document.documentElement.lang);
    }
  }

  /* The state and its button stand in the page's head, outside of the board that tells them anew. */
  head() {
    const told = this.element.querySelector("[data-console-state]");
    const head = document.querySelector("[data-project-state]");
    if (!told || !head || head.dataset.projectState === told.dataset.consoleState) return;
    head.dataset.projectState = told.dataset.consoleState;
    for (const part of told.querySelectorAll("template")) {
      head.querySelector(`[data-project-slot="${part.dataset.slot}"]`)?.replaceChildren(part.content);
    }
  }

  draw() {
    const figures = this.element.querySelector("[data-console-figures]")?.dataset.consoleFigures;
    const chart = controllerOf(this.target("chart"), "chart");
    if (!figures || !chart?.plotted) return;
    const [series] = chart.plotted.series;
    const values = figures.split(",").map(Number);
    this.target("chart").hidden = values.every((count) => count === 0);
    chart.update({ ...chart.plotted, series: [{ ...series, values }] });
  }
}
