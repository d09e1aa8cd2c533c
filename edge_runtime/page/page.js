// Requests the newest picture with its answer, shows them, and requests again: a slow phone skips pictures and
// never lags behind.

import { showLink, showNotice, showPicture, showState } from "./show.js";

const STALL_MS = 10_000; // the server answers within two seconds, even if there is nothing new
const FULL_MS = 5_000;
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 5_000];
const SILENT_S = 2;

const viewer = newViewer();
const seen = { run: "", shot: 0, point: 0, event: 0 };
let intervalS = 0; // between two frames
let capturedAtMs = null; // when the picture on the page was captured, by performance.now()

history.replaceState(null, "", location.pathname); // the token is in a cookie now

addEventListener("pagehide", () => fetch(`leave?viewer=${viewer}`, { keepalive: true }).catch(() => {}));

watch();

async function watch() {
  for (let failures = 0; ; ) {
    await untilVisible();
    try {
      await step();
      failures = 0;
    } catch (error) {
      await pause(error, failures++);
    }
  }
}

async function step() {
  const content = await request(`live?${new URLSearchParams({ viewer, ...seen })}`);
  const end = content.indexOf(10);
  const state = JSON.parse(new TextDecoder().decode(content.subarray(0, end)));
  const jpeg = content.subarray(end + 1);
  if (state.shot && (await showPicture(jpeg))) {
    capturedAtMs = performance.now() - state.shot.age_s * 1_000;
  }
  showState(state, state.run !== seen.run);
  remember(state);
  showSilence(state.silent_s, state.shot?.fps);
}

// A slow reply may take as long as it needs; one that stalls is aborted.
async function request(url) {
  const controller = new AbortController();
  let timer = setTimeout(() => controller.abort(), STALL_MS);
  try {
    const response = await fetch(url, { cache: "no-store", signal: controller.signal });
    if (!response.ok) throw new RefusedError(response.status);
    const parts = [];
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), STALL_MS);
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } finally {
    clearTimeout(timer);
  }
}

function remember(state) {
  if (state.run !== seen.run) Object.assign(seen, { run: state.run, shot: 0, point: 0, event: 0 });
  seen.shot = state.shot?.number ?? seen.shot;
  seen.point = state.points.at(-1)?.number ?? seen.point;
  seen.event = state.events.at(-1)?.number ?? seen.event;
}

// A loop that takes a frame every ten seconds is not silent in between.
function showSilence(silentS, fps) {
  if (fps) intervalS = 1 / fps;
  if (silentS === null) {
    showLink("silent", "waiting for the first frame");
    showNotice("No frame yet");
  } else if (silentS >= SILENT_S + 2 * intervalS) {
    showLink("silent", `no frame for ${Math.round(silentS)} s`);
    showNotice(`No frames from the camera. ${pictureAge()}`);
  } else {
    showLink("live", "live");
    showNotice("");
  }
}

// Waits before the next attempt, longer each time, and counts down.
async function pause(error, failures) {
  if (error instanceof RefusedError && error.status === 401) location.reload(); // for the form that asks for the token
  const isRefused = error instanceof RefusedError && error.status !== 503;
  const isFull = error instanceof RefusedError && error.status === 503;
  const pauseMs = isFull || isRefused ? FULL_MS : PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)];
  const endsAtMs = performance.now() + pauseMs * (0.8 + 0.4 * Math.random()); // so that clients do not retry all at once
  for (let restMs = pauseMs; restMs > 0; restMs = endsAtMs - performance.now()) {
    const rest = `trying again in ${Math.ceil(restMs / 1_000)} s`;
    if (isRefused) showLink("refused", "refused");
    else if (isFull) showLink("full", `too many viewers; ${rest}`);
    else showLink("lost", `connection lost; ${rest}`);
    showNotice(pictureAge());
    await sleep(Math.min(restMs, 1_000));
  }
}

function pictureAge() {
  if (capturedAtMs === null) return "No picture yet";
  return `This picture is ${Math.round((performance.now() - capturedAtMs) / 1_000)} s old`;
}

// A hidden page frees its seat for others.
function untilVisible() {
  if (!document.hidden) return undefined;
  return new Promise((go) => document.addEventListener("visibilitychange", go, { once: true }));
}

function sleep(ms) {
  return new Promise((go) => setTimeout(go, ms));
}

function newViewer() {
  const bytes = crypto.getRandomValues(new Uint8Array(12)); // randomUUID needs https
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class RefusedError extends Error {
  constructor(status) {
    super(`refused: ${status}`);
    this.status = status;
  }
}
