/* <figure data-controller="chart" data-chart-data="ID of a json_script"><div data-chart-target="plot"></div></figure>
 * Data: {x: [unix seconds], series: [{label, unit, values, tone: "ink" | "gold" | "ok" | "warn" | "bad"}], from?, to?}.
 * The page links uPlot's style sheet and gives the same figures as a table for people who cannot see the lines. */

import { Controller } from "../lib/controller.js";
import uPlot from "../vendor/uplot-1.6.32/uPlot.esm.js";

const DASHES = [[], [6, 4], [2, 3]];

const DAY = 86400;
const HOUR_FORMAT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY_FORMAT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/* Hours in the reader's time zone, and the date at midnight. */
function timeLabels(_plot, splits, _axis, _space, step) {
  return splits.map((second) => {
    const moment = new Date(second * 1000);
    const midnight = moment.getHours() === 0 && moment.getMinutes() === 0;
    return (step >= DAY || midnight ? DAY_FORMAT : HOUR_FORMAT).format(moment);
  });
}

export default class extends Controller {
  connect() {
    this.data = this.json("data");
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

  /** Replaces the data by new data of the same shape, for instance from a live event. */
  update(data) {
    this.data = data;
    this.plot.setData(this.columns());
  }

  columns() {
    return [this.data.x, ...this.data.series.map((series) => series.values)];
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
    const style = getComputedStyle(this.element);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      stroke: color("ink-soft"),
      grid: { stroke: color("rule"), width: 1 },
      ticks: { stroke: color("rule") },
    };
    this.plot = new uPlot({ ...this.size(), ...this.options(color, axis) }, this.columns(), this.target("plot"));
  }

  options(color, axis) {
    const series = this.data.series.map((item, position) => ({
      label: item.unit ? `${item.label}, ${item.unit}` : item.label,
      stroke: color(item.tone ?? "ink"),
      width: 2,
      points: { show: this.data.x.length <= 12 },
      dash: DASHES[position % DASHES.length],
    }));
    const legend = { show: series.length > 1 };
    const { from, to } = this.data;
    // Without a range, the axis fits the values.
    const scales = to === undefined ? {} : { y: { range: [from, to] } };
    return {
      legend,
      scales,
      series: [{}, ...series],
      axes: [
        { ...axis, values: timeLabels },
        { ...axis, size: 56 },
      ],
    };
  }
}
