// Shows the server's replies on the page. Text is set as text, never as HTML: labels and events are untrusted.

import { addPoints, clearPoints } from "./chart.js";

const MAX_EVENTS = 30;
const QUIET_KINDS = new Set([
  "started",
  "opened",
  "restarted",
  "resolution",
  "label_changed",
  "moving",
  "cooled",
  "stopped",
]);

const byId = (id) => document.getElementById(id);
const canvas = byId("picture");
const context = canvas.getContext("2d", { alpha: false });

// Returns false if the browser cannot decode the picture, which OpenCV could.
export async function showPicture(jpeg) {
  const bitmap = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })).catch(() => null);
  if (!bitmap) return false;
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return true;
}

export function showState(state, isNewRun) {
  if (isNewRun) {
    clearPoints();
    byId("events").replaceChildren(element("li", "none", "none yet"));
  }
  if (state.shot) showAnswer(state.shot);
  addPoints(state.points);
  showNumbers(state);
  showEvents(state.events);
}

export function showLink(kind, text) {
  document.body.dataset.link = kind;
  setText(byId("link"), text);
}

export function showNotice(text) {
  byId("notice").hidden = !text;
  setText(byId("notice"), text);
}

function showAnswer(shot) {
  const label = shot.label ?? "unknown";
  document.body.classList.toggle("is-unknown", shot.label === null);
  setText(byId("label"), label);
  setText(byId("held"), `for ${duration(shot.held_s)}`);
  document.title = `${label} · edgecls`;
  showBars(shot.ranking, shot.label);
}

// The best class of the moment may differ from the announced one, as a new label must hold first.
function showBars(ranking, announced) {
  const bars = byId("bars");
  while (bars.children.length > ranking.length) bars.lastChild.remove();
  while (bars.children.length < ranking.length) bars.append(newBar());
  ranking.forEach(([label, confidence], row) => {
    const [name, share, track] = bars.children[row].children;
    bars.children[row].classList.toggle("is-announced", label === announced);
    setText(name, label);
    setText(share, `${(confidence * 100).toFixed(1)} %`);
    track.firstChild.style.transform = `scaleX(${confidence})`;
  });
}

function newBar() {
  const bar = element("li");
  const track = element("div", "track");
  track.append(element("div", "fill"));
  bar.append(element("span", "name"), element("span", "share"), track);
  return bar;
}

function showNumbers(state) {
  const last = state.points.at(-1);
  if (last) setText(now("fps"), last.fps.toFixed(1));
  if (state.shot?.ages_ms) {
    const parts = ["p50", "p95", "p99"].flatMap((name, index) => [
      element("small", "", `${name} `),
      element("span", name, milliseconds(state.shot.ages_ms[index])),
      " ",
    ]);
    now("age").replaceChildren(...parts, element("small", "", "ms"));
  }
  if (last && last.temperature_c !== null) {
    byId("temperature").hidden = false;
    setText(now("temperature"), `${last.temperature_c.toFixed(0)} °C`);
  }
}

function now(chart) {
  return byId(chart).querySelector(".now");
}

function showEvents(events) {
  const list = byId("events");
  for (const event of events) {
    list.querySelector(".none")?.remove();
    const at = new Date(Date.now() - event.ago_s * 1_000);
    const item = element("li");
    const kind = QUIET_KINDS.has(event.kind) ? "" : "trouble";
    item.append(element("time", "", at.toLocaleTimeString([], { hour12: false })), element("span", kind, event.text));
    list.prepend(item);
  }
  while (list.children.length > MAX_EVENTS) list.lastChild.remove();
}

function milliseconds(value) {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

// A screen reader reads a text again when it is set, even to the same value.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
