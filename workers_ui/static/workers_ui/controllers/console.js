/* Live totals of a project: the snapshot's, plus each delta as it arrives. Elements with data-console-total="NAME" show
 * a total. The board's figures move by the same deltas, from their own data-console-base: data-console-count="NAME" is a
 * count, data-console-money="CURRENCY" what was earned, data-console-percent="NAME of NAME" a share of two counts. The
 * board is reloaded rarely; then its figures start anew, the "chart" target is redrawn from its data-console-figures, and
 * the project's state in the page header follows the board's. */

import { Controller } from "../lib/controller.js";
import { controllerOf } from "../lib/controller_loader.js";

export default class extends Controller {
  connect() {
    this.totals = {};
    this.moved = {};
    this.listen(this.element, "live:snapshot", ({ detail }) => {
      this.totals = { ...detail.data.totals };
      this.show();
    });
    this.listen(this.element, "live:event", ({ detail }) => {
      for (const [name, change] of Object.entries(detail.delta ?? {})) {
        this.totals[name] = (this.totals[name] ?? 0) + change;
        this.moved[name] = (this.moved[name] ?? 0) + change;
      }
      this.show();
      this.move();
    });
    this.listen(this.element, "refresh:done", ({ target }) => {
      if (target !== this.element) return; // a part of the board
      this.moved = {};
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

  move() {
    const language = document.documentElement.lang;
    const since = (name) => this.moved[name] ?? 0;
    const part = (kind) => this.element.querySelectorAll(`[data-console-${kind}]`);
    const counts = {};
    for (const element of part("count")) {
      const count = Math.max(0, Number(element.dataset.consoleBase) + since(element.dataset.consoleCount));
      counts[element.dataset.consoleCount] = count;
      element.textContent = count.toLocaleString(language);
    }
    for (const element of part("percent")) {
      const [share, whole] = element.dataset.consolePercent.split(" of ").map((name) => counts[name] ?? 0);
      element.textContent = `${whole > 0 ? Math.floor((100 * share) / whole) : 0}%`;
    }
    for (const element of part("money")) {
      if (!since("paid_micros")) continue;
      const format = { style: "currency", currency: element.dataset.consoleMoney, currencyDisplay: "narrowSymbol" };
      const amount = Number(element.dataset.consoleBase) + since("paid_micros") / 1e6;
      element.textContent = amount.toLocaleString(language, { ...format, maximumFractionDigits: 6 });
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
