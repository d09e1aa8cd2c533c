// Line charts of the last minutes as SVG: frame rate, age and temperature.

const MAX_SPAN_S = 300;
const MINUTE_S = 60;
const HEIGHT = 88; // of a chart, in pixels; 5.5rem in page.css
const FOOT = 16; // below the lines, for the time labels
const GAP_S = 4; // points further apart are not joined
const SVG = "http://www.w3.org/2000/svg";

const CHARTS = [
  { id: "fps", unit: "", least: 0, lines: [{ name: "fps", of: (point) => point.fps }] },
  {
    id: "age",
    unit: " ms",
    least: 0,
    lines: ["p99", "p95", "p50"].map((name, index) => ({ name, of: (point) => point.age_ms[2 - index] })),
  },
  { id: "temperature", unit: " °C", least: 20, lines: [{ name: "temperature", of: (point) => point.temperature_c }] },
];

let points = []; // with `at_s` in this page's clock

addEventListener("resize", draw);

export function addPoints(fresh) {
  if (!fresh.length) return;
  const now_s = performance.now() / 1_000;
  for (const point of fresh) points.push({ ...point, at_s: now_s - point.ago_s });
  points = points.filter((point) => point.at_s > now_s - MAX_SPAN_S - GAP_S);
  draw();
}

export function clearPoints() {
  points = [];
}

function draw() {
  if (!points.length) return;
  const now_s = performance.now() / 1_000;
  const minutes = Math.ceil((now_s - points[0].at_s) / MINUTE_S);
  const span_s = Math.min(minutes * MINUTE_S, MAX_SPAN_S);
  for (const chart of CHARTS) drawChart(chart, now_s, span_s);
}

function drawChart(chart, now_s, span_s) {
  const svg = document.querySelector(`#${chart.id} svg`);
  const width = svg.clientWidth;
  if (!width) return;
  const values = points.flatMap((point) => chart.lines.map((line) => line.of(point))).filter(Number.isFinite);
  if (!values.length) return;
  const top = roundedUp(Math.max(...values));
  const x = (point) => width * (1 - (now_s - point.at_s) / span_s);
  const y = (value) => (HEIGHT - FOOT) * (1 - (value - chart.least) / (top - chart.least));
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.replaceChildren(
    ...[chart.least, (chart.least + top) / 2, top].map((value) => gridLine(width, y(value))),
    ...chart.lines.map((line) => make("path", `line ${line.name}`, { d: path(line.of, x, y) })),
    text(`${top}${chart.unit}`, { x: 0, y: y(top) + 13 }),
    text(`${span_s / MINUTE_S} min ago`, { x: 0, y: HEIGHT - 1 }),
    text("now", { x: width, y: HEIGHT - 1, "text-anchor": "end" }),
  );
}

// The line is broken where nothing was measured.
function path(of, x, y) {
  let before = null;
  const steps = [];
  for (const point of points) {
    const value = of(point);
    if (!Number.isFinite(value)) {
      before = null;
      continue;
    }
    const isJoined = before !== null && point.at_s - before.at_s < GAP_S;
    steps.push(`${isJoined ? "L" : "M"}${x(point).toFixed(1)} ${y(value).toFixed(1)}`);
    before = point;
  }
  return steps.join("");
}

// The next of 1, 2, 4, 5, 8 times a power of ten, so that the scale rarely jumps.
function roundedUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return power * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value);
}

function gridLine(width, y) {
  return make("line", "grid", { x1: 0, x2: width, y1: y, y2: y });
}

function make(name, className, attributes) {
  const made = document.createElementNS(SVG, name);
  made.setAttribute("class", className);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(content, attributes) {
  const made = make("text", "", attributes);
  made.textContent = content;
  return made;
}
