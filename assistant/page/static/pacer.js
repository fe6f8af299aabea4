// The breathing pacer: a circle that grows and shrinks with the breath; where motion is reduced, the words count down.
// Screen readers are told each part of a breath, and no second of it.

import { byId } from "./elements.js";
import { show, t } from "./language.js";

const PARTS = { 2: ["in", "out"], 4: ["in", "hold", "out", "rest"] };
const ROUNDS_FOR_S = 120;
const READY_S = 2;
const still = matchMedia("(prefers-reduced-motion: reduce)");

let timer = 0;
let pace = "4-6";

const secondsOf = (given) => given.split("-").map(Number);
const roundOf = (given) => secondsOf(given).reduce((sum, seconds) => sum + seconds, 0);
export const roundsOf = (given) => Math.round(ROUNDS_FOR_S / roundOf(given));

/** Where the breath is after `elapsed` seconds: {part, seconds, left, round, begun}, or null when all rounds are over. */
export function at(given, elapsed) {
  const whole = roundOf(given);
  const round = Math.floor(elapsed / whole);
  if (round >= roundsOf(given)) return null;
  const lengths = secondsOf(given);
  let into = elapsed - round * whole;
  let index = 0;
  while (into >= lengths[index]) into -= lengths[index++];
  return { part: PARTS[lengths.length][index], seconds: lengths[index], left: Math.ceil(lengths[index] - into), round: round + 1, begun: into };
}

function showPart(now) {
  byId("pacer").dataset.part = now.part;
  byId("pacer-circle").style.transitionDuration = `${now.seconds - now.begun}s`;
  show(byId("pacer-word"), `pacer_${now.part}`);
  show(byId("pacer-said"), "pacer_said", { part: t(`pacer_${now.part}`), seconds: now.seconds });
  show(byId("pacer-round"), "pacer_round", { round: now.round, rounds: roundsOf(pace) });
}

function rest(key) {
  clearTimeout(timer);
  timer = 0;
  byId("pacer").dataset.part = "";
  byId("pacer-circle").style.transitionDuration = "1s";
  byId("pacer-count").textContent = "";
  byId("pacer-round").textContent = "";
  delete byId("pacer-round").dataset.t;
  show(byId("pacer-word"), key);
  show(byId("pacer-toggle"), "pacer_start");
}

function start() {
  rest("pacer_ready");
  show(byId("pacer-said"), "pacer_ready");
  show(byId("pacer-toggle"), "stop");
  const begin = performance.now() + 1000 * READY_S;
  let shown = "";
  const tick = () => {
    const elapsed = Math.max(0, Math.round((performance.now() - begin) / 100) / 10);
    const now = at(pace, elapsed);
    if (!now) {
      rest("pacer_done");
      return void show(byId("pacer-said"), "pacer_done");
    }
    const part = `${now.round} ${now.part}`;
    if (part !== shown) showPart(now);
    shown = part;
    byId("pacer-count").textContent = still.matches ? String(now.left) : "";
    timer = setTimeout(tick, Math.max(20, begin + 1000 * (Math.floor(elapsed) + 1) - performance.now()));
  };
  timer = setTimeout(tick, 1000 * READY_S);
}

function stop() {
  rest("pacer_stopped");
  show(byId("pacer-said"), "pacer_stopped");
}

export function togglePacer() {
  if (timer) stop();
  else start();
}

/** Open it at a pace, "4-4-4-4" or "4-6", and begin at once. */
export function openPacer(given) {
  const dialog = byId("pacer-dialog");
  pace = given;
  for (const choice of dialog.querySelectorAll("[name=pace]")) {
    choice.checked = choice.value === pace;
    choice.onchange = () => { pace = choice.value; start(); };
  }
  dialog.addEventListener("close", () => rest("pacer_ready"), { once: true });
  if (!dialog.open) dialog.showModal();
  byId("pacer-toggle").focus();
  start();
}
