/* <figure data-controller="chart" data-chart-data="ID of a json_script"><div data-chart-target="plot"></div></figure>
 * Data: {x: [unix seconds], series: [{label, unit, values, tone: "ink" | "gold" | "ok" | "warn" | "bad"}], from?, to?}.
 * The page links uplot's style sheet and gives the same figures as a table for those who cannot see the lines. */

import uPlot from "../vendor/uplot-1.6.32/uPlot.esm.js";
import { Controller } from "./controller.js";

const DASHES = [[], [6, 4], [2, 3]];

const DAY = 86400;
const HOUR_FORMAT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY_FORMAT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/* Hours of the reader's own clock; the day stands where it begins. */
function timeWords(plot, splits, axis, space, step) {
  return splits.map((second) => {
    const moment = new Date(second * 1000);
    const midnight = moment.getHours() === 0 && moment.getMinutes() === 0;
    return (step >= DAY || midnight ? DAY_FORMAT : HOUR_FORMAT).format(moment);
  });
}

export default class extends Controller {
  connect() {
    this.plotted = this.json("data");
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.element);
    const theme = new MutationObserver(() => this.draw());
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.signal.addEventListener("abort", () => theme.disconnect());
    this.listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", () => this.draw());
    this.draw();
  }

  disconnect() {
    this.resizer.disconnect();
    this.plot?.destroy();
  }

  /** New figures of the same shape, for instance from a live event. */
  update(data) {
    this.plotted = data;
    this.plot.setData(this.columns());
  }

  columns() {
    return [this.plotted.x, ...this.plotted.series.map((series) => series.values)];
  }

  size() {
    const { clientWidth } = this.target("plot");
    return { width: Math.max(clientWidth, 240), height: Math.round(Math.min(320, Math.max(180, clientWidth / 3))) };
  }

  resize() {
    this.plot?.setSize(this.size());
  }

  draw() {
    this.plot?.destroy();
    const look = getComputedStyle(this.element);
    const colour = (name) => look.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colour("ink-soft"), grid: { stroke: colour("rule"), width: 1 }, ticks: { stroke: colour("rule") } };
    this.plot = new uPlot({ ...this.size(), ...this.options(colour, axis) }, this.columns(), this.target("plot"));
  }

  options(colour, axis) {
    const series = this.plotted.series.map((item, position) => ({
      label: item.unit ? `${item.label}, ${item.unit}` : item.label,
      stroke: colour(item.tone ?? "ink"),
      width: 2,
      points: { show: this.plotted.x.length <= 12 },
      dash: DASHES[position % DASHES.length],
    }));
    const legend = { show: series.length > 1 };
    const { from, to } = this.plotted;
    // Without ends of its own the axis follows the values.
    const scales = to === undefined ? {} : { y: { range: [from, to] } };
    return { legend, scales, series: [{}, ...series], axes: [{ ...axis, values: timeWords }, { ...axis, size: 56 }] };
  }
}
