/* <figure data-controller="plot" data-plot-data="ID of a json_script"><div data-plot-target="plot"></div></figure>
 * One quantity against another. Data: {x, y: {label, unit: "share" | "", from?, to?},
 *   series: [{label, points: [[x, y], ...], mark: "line" | "full" | "hollow" | "named"}]}. A named point carries its label.
 * The page gives the same figures as a table. */

import Chart from "./chart.js";

const FONT = "600 12px system-ui, sans-serif";

function words({ unit }) {
  return (plot, splits) => splits.map((value) => (unit === "share" ? `${Math.round(value * 1000) / 10} %` : `${value}`));
}

function ends({ from, to }) {
  // Without ends of its own the axis follows the points.
  return from === undefined ? {} : { range: [from, to] };
}

export default class extends Chart {
  draw() {
    super.draw();
    this.legend();
  }

  /* uPlot wants one column of x for all series: the points of all, each series with gaps at the others'. */
  columns() {
    const { series } = this.plotted;
    const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const found = series.map(({ points }) => new Map(points));
    return [xs, ...found.map((at) => xs.map((x) => at.get(x) ?? null))];
  }

  options(colour, axis) {
    const { x, y, series } = this.plotted;
    const label = { labelFont: "12px system-ui, sans-serif", labelSize: 20, labelGap: 4 };
    return {
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, ...ends(x) }, y: ends(y) },
      series: [{}, ...series.map((item) => this.lineOf(item, colour))],
      axes: [
        { ...axis, ...label, label: x.label, values: words(x) },
        { ...axis, ...label, label: y.label, values: words(y), size: 60 },
      ],
      hooks: { draw: [(plot) => this.writeNames(plot, colour("ink"))] },
    };
  }

  lineOf({ label, mark }, colour) {
    const tone = colour(mark === "hollow" || mark === "line" ? "ink-soft" : "ink");
    const fill = mark === "full" ? tone : colour("paper-raised");
    return {
      label,
      stroke: tone,
      width: 2,
      ...(mark === "named" ? { paths: () => null } : {}),
      dash: mark === "full" ? [] : [6, 4],
      spanGaps: true,
      points: { show: mark !== "line", size: mark === "named" ? 14 : 8, width: 2, stroke: tone, fill },
    };
  }

  /** The words beside named points, inside the plot. */
  writeNames(plot, ink) {
    const { ctx, bbox } = plot;
    const scale = window.devicePixelRatio || 1;
    ctx.save();
    ctx.font = FONT.replace("12px", `${12 * scale}px`);
    ctx.fillStyle = ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    this.plotted.series.filter(({ mark }) => mark === "named").forEach(({ label, points }, place) => {
      for (const [x, y] of points) {
        const [left, top] = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
        const width = ctx.measureText(label).width;
        const at = Math.min(Math.max(left - width / 2, bbox.left), bbox.left + bbox.width - width);
        // One name above its point and the next below: two that lie close do not run into each other.
        ctx.fillText(label, at, top + (place % 2 === 0 ? 24 : -14) * scale);
      }
    });
    ctx.restore();
  }

  legend() {
    this.element.querySelector(".plot-legend")?.remove();
    const lines = this.plotted.series.filter(({ mark }) => mark !== "named");
    if (this.plotted.series.length < 2) return;
    const list = document.createElement("ul");
    list.className = "plot-legend";
    for (const { label, mark } of lines) {
      const item = document.createElement("li");
      const sign = document.createElement("i");
      sign.dataset.mark = mark;
      item.append(sign, label);
      list.append(item);
    }
    this.target("plot").after(list);
  }
}
