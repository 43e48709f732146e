// SPDX-License-Identifier: Apache-2.0
// Charts over time, in the colours of the page.
import { h } from "./dom.js";

const { uPlot } = window;


function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* Times of the day, with seconds where ticks are that near. */
function times(_, ticks, axis, space, step) {
  return ticks.map((t) => new Date(t * 1000).toLocaleTimeString("en-GB", step < 60 ? undefined : { hour: "2-digit", minute: "2-digit" }));
}

function axes(format) {
  const common = {
    stroke: () => colour("soft"),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { stroke: () => colour("line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  return [{ ...common, space: 70, values: times }, { ...common, size: 52, values: (_, ticks) => ticks.map(format) }];
}

/* A plot as wide as its element, drawn anew when that or the colours change. Ends with signal. */
function mount(element, options, data, signal) {
  const height = () => Math.max(220, Math.min(330, element.clientWidth * 0.6));
  const plot = new uPlot({
    width: 300, height: 220, legend: { show: false }, cursor: { drag: { x: false, y: false } },
    padding: [12, 12, 0, 0], ...options,
  }, data, element);
  const sized = new ResizeObserver(() => {
    if (element.clientWidth) plot.setSize({ width: element.clientWidth, height: height() });
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  sized.observe(element);
  dark.addEventListener("change", () => plot.redraw(), { signal });
  signal.addEventListener("abort", () => {
    sized.disconnect();
    plot.destroy();
  });
  return plot;
}

function legend(entries) {
  return h("div", { class: "legend" },
    entries.map(([kind, name]) => h("span", null, h("i", { class: `swatch-${kind}`, "aria-hidden": "true" }), name)));
}

const kinds = [["kill", "killed"], ["deny", "denied"], ["alert", "alerts"], ["allow", "noted"]];

/* Columns that stand on each other: [times, kill, kill + deny, …], drawn from the tallest. */
function stacked(verdicts) {
  const times = verdicts.allow.map((_, i) => verdicts.first + i * 60);
  const sums = times.map(() => 0);
  const layers = kinds.map(([kind]) => verdicts[kind].map((n, i) => (sums[i] += n)));
  return [times, ...layers.reverse()];
}

export function verdictChart(signal) {
  const element = h("div", { class: "chart", role: "img", "aria-label": "Verdicts a minute over the last hour" });
  const bars = uPlot.paths.bars({ size: [0.7, 24], align: 0 });
  let plot = null;
  const draw = (verdicts) => {
    const data = stacked(verdicts);
    const total = (kind) => verdicts[kind].reduce((a, b) => a + b, 0);
    element.setAttribute("aria-label", `Verdicts a minute over the last hour: ${
      kinds.map(([kind, name]) => `${total(kind)} ${name}`).join(", ")}`);
    if (plot) return plot.setData(data);
    plot = mount(element, {
      scales: { y: { range: (_, min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
      axes: axes((v) => (Number.isInteger(v) ? String(v) : "")),
      series: [{}, ...[...kinds].reverse().map(([kind]) => ({
        paths: bars, fill: () => colour(kind === "allow" ? "soft" : kind), width: 0, points: { show: false },
      }))],
    }, data, signal);
    return plot;
  };
  return { element: h("div", { class: "stack" }, element, legend([...kinds])), draw };
}

/* Where nothing was known for a while, the line is broken. */
function broken(rows) {
  return rows.flatMap((row, i) => (i && row[0] - rows[i - 1][0] > 10 ? [[row[0] - 1, null], row] : [row]));
}

/* The higher of levels M and N, in percent of its threshold; rows: [seconds, level]. */
export function levelChart(signal) {
  const element = h("div", { class: "chart", role: "img", "aria-label": "Levels over time" });
  let plot = null;
  const threshold = {
    hooks: { draw: (u) => {
      const y = Math.round(u.valToPos(100, "y", true));
      u.ctx.save();
      u.ctx.strokeStyle = colour("kill");
      u.ctx.lineWidth = 1.5 * devicePixelRatio;
      u.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      u.ctx.beginPath();
      u.ctx.moveTo(u.bbox.left, y);
      u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
      u.ctx.stroke();
      u.ctx.restore();
    } },
  };
  const draw = (rows) => {
    const drawn = broken(rows);
    const data = [0, 1].map((i) => drawn.map((row) => row[i]));
    const last = rows.at(-1) ?? [0, 0];
    element.setAttribute("aria-label",
      `The higher level over time; now ${Math.round(last[1])} % of its threshold`);
    if (plot) return plot.setData(data);
    plot = mount(element, {
      plugins: [threshold],
      scales: { y: { range: (_, min, max) => [0, Math.max(120, max * 1.1)] } },
      axes: axes((v) => `${v} %`),
      series: [{},
        { stroke: () => colour("accent"), width: 2, points: { show: true, size: 4, fill: () => colour("accent") } }],
    }, data, signal);
    return plot;
  };
  return {
    element: h("div", { class: "stack" }, element,
      legend([["m", "M or N: unusual sequences"], ["kill", "threshold (100 %)"]])),
    draw,
  };
}
