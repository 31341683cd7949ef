/* Live totals of a project: the snapshot's, plus each delta as it arrives. Elements with data-console-total="NAME" show
 * a total. When the board is refreshed, the "chart" target is redrawn from its data-console-figures, and the project's
 * state in the page header follows the board's. */

import { Controller } from "../lib/controller.js";
import { controllerOf } from "../lib/controller_loader.js";

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
      this.updateHeader();
      this.updateChart();
    });
  }

  show() {
    for (const element of this.element.querySelectorAll("[data-console-total]")) {
      const count = this.totals[element.dataset.consoleTotal] ?? 0;
      element.textContent = count.toLocaleString(document.documentElement.lang);
    }
  }

  /* The state and its button are in the page header, outside the refreshed board. */
  updateHeader() {
    const board = this.element.querySelector("[data-console-state]");
    const header = document.querySelector("[data-project-state]");
    if (!board || !header || header.dataset.projectState === board.dataset.consoleState) return;
    header.dataset.projectState = board.dataset.consoleState;
    for (const part of board.querySelectorAll("template")) {
      header.querySelector(`[data-project-slot="${part.dataset.slot}"]`)?.replaceChildren(part.content);
    }
  }

  updateChart() {
    const figures = this.element.querySelector("[data-console-figures]")?.dataset.consoleFigures;
    const chart = controllerOf(this.target("chart"), "chart");
    if (!figures || !chart?.data) return;
    const [series] = chart.data.series;
    const values = figures.split(",").map(Number);
    this.target("chart").hidden = values.every((count) => count === 0);
    chart.update({ ...chart.data, series: [{ ...series, values }] });
  }
}
