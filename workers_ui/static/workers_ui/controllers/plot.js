/* <figure data-controller="plot" data-plot-data="ID of a json_script"><div data-plot-target="plot"></div></figure>
 * Plots one quantity against another. Data: {x, y: {label, unit: "share" | "", from?, to?},
 *   series: [{label, points: [[x, y], ...], mark: "line" | "full" | "hollow" | "named"}]}. Named points show their label.
 * The page gives the same figures as a table. */

import Chart from "./chart.js";

const FONT = "600 12px system-ui, sans-serif";

function tickLabels({ unit }) {
  return (_plot, splits) =>
    splits.map((value) => (unit === "share" ? `${Math.round(value * 1000) / 10}%` : `${value}`));
}

function rangeOf({ from, to }) {
  // Without a range, the axis fits the points.
  return from === undefined ? {} : { range: [from, to] };
}

export default class extends Chart {
  draw() {
    super.draw();
    this.legend();
  }

  /* uPlot needs one x column for all series: the x values of all points, with gaps where a series has none. */
  columns() {
    const { series } = this.data;
    const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const valuesByX = series.map(({ points }) => new Map(points));
    return [xs, ...valuesByX.map((values) => xs.map((x) => values.get(x) ?? null))];
  }

  options(color, axis) {
    const { x, y, series } = this.data;
    const label = { labelFont: "12px system-ui, sans-serif", labelSize: 20, labelGap: 4 };
    return {
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, ...rangeOf(x) }, y: rangeOf(y) },
      series: [{}, ...series.map((item) => this.lineOf(item, color))],
      axes: [
        { ...axis, ...label, label: x.label, values: tickLabels(x) },
        { ...axis, ...label, label: y.label, values: tickLabels(y), size: 60 },
      ],
      hooks: { draw: [(plot) => this.writeNames(plot, color("ink"))] },
    };
  }

  lineOf({ label, mark }, color) {
    const tone = color(mark === "hollow" || mark === "line" ? "ink-soft" : "ink");
    const fill = mark === "full" ? tone : color("paper-raised");
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

  /** Draws the labels of named points, kept inside the plot. */
  writeNames(plot, ink) {
    const { ctx, bbox } = plot;
    const scale = window.devicePixelRatio || 1;
    ctx.save();
    ctx.font = FONT.replace("12px", `${12 * scale}px`);
    ctx.fillStyle = ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    this.data.series
      .filter(({ mark }) => mark === "named")
      .forEach(({ label, points }, index) => {
        for (const [x, y] of points) {
          const [left, top] = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
          const width = ctx.measureText(label).width;
          const at = Math.min(Math.max(left - width / 2, bbox.left), bbox.left + bbox.width - width);
          // Labels alternate below and above their points, so that two close ones do not overlap.
          ctx.fillText(label, at, top + (index % 2 === 0 ? 24 : -14) * scale);
        }
      });
    ctx.restore();
  }

  legend() {
    this.element.querySelector(".plot-legend")?.remove();
    const lines = this.data.series.filter(({ mark }) => mark !== "named");
    if (this.data.series.length < 2) return;
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
