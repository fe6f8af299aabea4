// The parts of the page that the browser owns: language, theme, urgent help, first use, consents, camera panel.
// The chat and the earlier conversations are Gradio's; the two meet in window.Beside.

import { currentToken, identify, post, useToken } from "./calls.js";
import { actions as dialogActions, ask, chosenRegion, welcome } from "./dialogs.js";
import { drawFace, drawTimeline } from "./draw.js";
import { byId } from "./elements.js";
import { openGallery, startExercise } from "./gallery.js";
import { refresh, takeChosen, watchHistory } from "./history.js";
import { openJournal, watchJournal } from "./journal.js";
import { language, setLanguage, show, t } from "./language.js";
import { Live } from "./live.js";
import { openMemory, watchMemory } from "./memory.js";
import { exportAll } from "./own_page.js";
import { openPacer, togglePacer } from "./pacer.js";
import { focusBox, openKeys, restoreDraft, start, watchTalk } from "./talk.js";

const STATUS_EVERY_MS = 10_000;
const TAB_WAIT_MS = 120;
const SERIES = [
  { name: "valence", colour: "--b-line-1", dash: [] },
  { name: "arousal", colour: "--b-line-2", dash: [7, 4] },
];
// Reasons that a face in view now contradicts: they are about the seconds before it came.
const FACE_REASONS = new Set(["no_frames", "no_face", "several_faces", "too_dark", "too_far", "turned_away", "low_coverage"]);
const EXPRESSION_LINES = [["--b-line-3", [2, 3]], ["--b-line-4", [9, 3, 2, 3]]];

let live = null;
let rows = [];
let consents = {};
let faceInView = false;
let watching = false;

// --- Talking to the server ------------------------------------------------------------------------------------------

/** A crisis reply names the lines of the region chosen under SOS. The dialog itself never waits for this. */
function sendRegion() {
  if (currentToken() && localStorage.getItem("beside-region")) post("region", { region: chosenRegion() }).catch(() => {});
}
document.addEventListener("beside-region", sendRegion);

async function readStatus() {
  if (!currentToken() || document.hidden) return;
  const place = byId("status");
  if (!place) return;
  try {
    const status = await (await post("status", {})).json();
    show(place, status.key, status.values);
    place.dataset.level = status.level;
    showSmallModel(status.small);
    byId("consent-chat-info").textContent = t("consent_chat_info", {
      model: status.model || t(status.key === "status_guided" ? "model_guided" : "model_server"),
    });
  } catch {
    show(place, "status_lost");
    place.dataset.level = "down";
  }
}

// --- The small model that can be fetched ------------------------------------------------------------------------------

let smallRuns = false;

/** What `small_model.SmallModel.public` says; nothing is offered where the app was started with a model. */
function showSmallModel(small) {
  byId("small-model").hidden = !small;
  if (!small) return;
  const standing = small.standing;
  smallRuns = standing === "running" || standing === "fetching" || standing === "starting";
  show(byId("small-said"), `small_${standing}`, { what: small.described, share: Math.round(100 * small.share), problem: small.problem });
  show(byId("small-act"), standing === "running" ? "small_back" : smallRuns ? "small_cancel" : "small_get");
  if (standing === "fetching" || standing === "starting") setTimeout(readStatus, 1000);
}

async function switchSmallModel() {
  showSmallModel((await (await post("small", { on: !smallRuns })).json()).small);
  readStatus();
}

// --- Consents -------------------------------------------------------------------------------------------------------

function showConsents(now) {
  consents = now;
  for (const input of document.querySelectorAll("input[data-consent]")) {
    input.checked = Boolean(consents[input.dataset.consent]);
    input.disabled = ["store", "memory"].includes(input.dataset.consent) && !window.BESIDE.canStore;
  }
  document.dispatchEvent(new CustomEvent("beside-consents", { detail: consents }));
  if (!window.BESIDE.canStore) show(byId("consent-store-info"), "store_disabled");
}

async function setConsent(name, on, extra = {}) {
  byId("consent-problem").hidden = true;
  try {
    showConsents((await (await post("consent", { name, on, ...extra })).json()).consents);
    if (!on && (name === "camera" || name === "microphone")) live?.stop(name);
    if (!on && name === "affect") show(byId("sentence"), "sentence_blocked");
    if (name === "store") refresh();
    return true;
  } catch {
    showConsents(consents);
    show(byId("consent-problem"), "consent_failed");
    return false;
  }
}

async function consentChanged(input) {
  const { consent } = input.dataset;
  if (consent === "store" && !input.checked) {
    const remove = await ask({
      title: "consent_off_store", text: "consent_off_store_ask", yes: "yes_delete", no: "consent_off_store_keep", danger: true,
    });
    if (remove === null) return showConsents(consents);
    return setConsent("store", false, { delete: remove });
  }
  return setConsent(consent, input.checked);
}

async function allowed(device) {
  if (consents[device]) return true;
  const yes = await ask({
    title: `consent_${device}`, text: `consent_${device}_info`, yes: `${device}_start`, no: "cancel",
  });
  return yes === true && setConsent(device, true);
}

// --- Camera panel ---------------------------------------------------------------------------------------------------

function sensorsChanged() {
  const [camera, sound] = [Boolean(live.camera), Boolean(live.sound)];
  byId("view").hidden = !camera;
  byId("camera-lead").hidden = live.on;
  byId("readings").hidden = !live.on;
  byId("quality").hidden = !camera;
  show(byId("camera-button"), camera ? "camera_stop" : "camera_start");
  show(byId("microphone-button"), sound ? "microphone_stop" : "microphone_start");
  byId("camera-button").setAttribute("aria-pressed", String(camera));
  byId("microphone-button").setAttribute("aria-pressed", String(sound));
  show(byId("pause-button"), live.paused ? "resume" : "pause");
  byId("pause-button").hidden = !live.on;
  byId("pause-button").setAttribute("aria-pressed", String(live.paused));
  const key = live.paused ? "paused" : camera && sound ? "both_on" : camera ? "camera_on" : "microphone_on";
  byId("sensors-on").hidden = !live.on;
  byId("sensors-on").classList.toggle("is-paused", live.paused);
  if (live.on) show(byId("sensors-on-text"), key);
  if (live.paused) show(byId("quality"), "paused");
  byId("level-row").hidden = !sound;
  if (!sound || live.paused) byId("level").value = 0;
  if (live.paused || !camera) drawFace(byId("overlay"), null, 1, 1);
  if (live.paused || !live.on) forgetEstimate(live.paused ? "paused" : "off");
}

/** What was estimated a moment ago must not stand there as if it were still so. */
function forgetEstimate(reason) {
  faceInView = false;
  showState({ known: false, reason });
  showSentence({ sentence: "" });
  showTimeline({ rows: [], strongest: [], now: 0, moments: { on: byId("moments").checked, fps: 0, enough: false, marks: [] } });
}

function showSentence({ sentence }) {
  const place = byId("sentence");
  if (sentence) {
    delete place.dataset.t;
    place.textContent = sentence;
  } else show(place, live?.on && !consents.affect ? "sentence_blocked" : "sentence_none");
}

const round = (value) => (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(1);

function showState(state) {
  const place = byId("state");
  place.dataset.known = String(state.known);
  if (!state.known) {
    if (faceInView && FACE_REASONS.has(state.reason)) return show(place, "state_soon");
    const known = `reason_${state.reason}` in window.BESIDE.texts.en ? `reason_${state.reason}` : "reason_other";
    return show(place, "state_unknown", { reason: t(known) });
  }
  const [[name, share]] = state.strongest;
  return show(place, "state_known", {
    expression: t(name), share: Math.round(share * 100), valence: round(state.valence), arousal: round(state.arousal),
    confidence: Math.round(state.confidence * 100) / 100,
  });
}

function showMoments({ on, fps, enough, marks }) {
  const note = byId("moments-note");
  note.hidden = !on;
  if (!on) return;
  const key = fps === 0 ? "moments_wait" : enough ? "moments_count" : "moments_slow";
  const said = `${key} ${enough ? marks.length : fps}`;
  if (note.dataset.said === said) return; // a status is read out: only what changed
  note.dataset.said = said;
  show(note, key, { fps, count: marks.length });
}

function showTimeline(message) {
  rows = message.rows;
  const colours = getComputedStyle(byId("timeline"));
  const expressions = message.strongest.map((name, i) => ({ name, colour: EXPRESSION_LINES[i][0], dash: EXPRESSION_LINES[i][1] }));
  const series = [...SERIES, ...expressions].map((one) => ({ ...one, colour: colours.getPropertyValue(one.colour) }));
  const text = { text: colours.getPropertyValue("--b-muted"), grid: colours.getPropertyValue("--b-border") };
  drawTimeline(byId("timeline"), rows, series, message.now, text, message.moments.marks);
  showMoments(message.moments);
  byId("legend").replaceChildren(...series.map((one) => {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.style.borderTopColor = one.colour;
    mark.style.borderTopStyle = one.dash.length ? "dashed" : "solid";
    item.append(mark, t(one.name));
    return item;
  }));
  const last = rows[rows.length - 1];
  if (!last) return show(byId("timeline-text"), "timeline_empty");
  const separator = language() === "zh" ? "、" : ", ";
  return show(byId("timeline-text"), "timeline_alt", {
    valence: round(last.values.valence), arousal: round(last.values.arousal),
    expressions: message.strongest.map((name) => t(name)).join(separator),
  });
}

function received(message) {
  if (message.type === "seen" && !live.paused) {
    drawFace(byId("overlay"), message.points, message.width, message.height);
    const quality = byId("quality");
    // The hint is read out by screen readers: say it again only when it changed.
    if (quality.dataset.t !== `quality_${message.quality}`) show(quality, `quality_${message.quality}`);
    quality.dataset.quality = message.quality;
    faceInView = message.quality === "ok";
  } else if (message.type === "state" && !live.paused) {
    showState(message.state);
    showSentence(message);
    showTimeline(message.timeline);
  }
}

const actions = {
  small: () => switchSmallModel().catch(readStatus),
  ...dialogActions,
  journal: openJournal,
  memory: openMemory,
  "allow-keeping": () => setConsent("store", true),
  "export-all": exportAll,
  skip: focusBox,
  keys: openKeys,
  starter: (button) => start(button.dataset.starter),
  gallery: openGallery,
  exercise: (button) => startExercise(button.dataset.name),
  pacer: (button) => openPacer(button.dataset.pace),
  "pacer-toggle": togglePacer,
  new: () => { byId("new").click(); focusBox(); },
  "delete-all": () => byId("do-delete-all").click(),
  theme: () => {
    const dark = !document.body.classList.contains("dark");
    document.body.classList.toggle("dark", dark);
    localStorage.setItem("beside-theme", dark ? "dark" : "light");
  },
  camera: () => toggleSensor("camera"),
  microphone: () => toggleSensor("microphone"),
  pause: () => live.pause(!live.paused),
  forget: async () => {
    if (!(await ask({ title: "forget_title", text: "forget_ask", yes: "yes_delete", no: "cancel", danger: true }))) return;
    try {
      await post("forget", {});
      show(byId("forgotten"), "forgotten");
      refresh();
    } catch {
      show(byId("forgotten"), "consent_failed");
    }
  },
};

async function toggleSensor(device) {
  if (!live) return;
  const running = device === "camera" ? live.camera : live.sound;
  byId("sensor-problem").hidden = true;
  byId("forgotten").hidden = true;
  if (!running && !(await allowed(device))) return;
  const button = byId(`${device}-button`);
  button.disabled = true; // opening takes a moment; a second click would open it twice
  try {
    await live.toggle(device);
  } finally {
    button.disabled = false;
  }
}

// --- What Gradio's events call --------------------------------------------------------------------------------------

function markMessages() {
  // Replies are announced as they grow; Gradio's own wrapper carries no label of its own.
  const log = byId("chat")?.querySelector('[role="log"]');
  if (log) log.setAttribute("aria-label", t("chat_label"));
}

/** Two tabs must not share one conversation, but a copied tab copies the token: the tab that has it answers. */
const tabs = new BroadcastChannel("beside-tabs");
tabs.onmessage = ({ data }) => {
  if (data.ask && data.ask === currentToken()) tabs.postMessage({ taken: data.ask });
};

function takenElsewhere(kept) {
  return new Promise((resolve) => {
    const heard = ({ data }) => data.taken === kept && resolve(true);
    tabs.addEventListener("message", heard);
    tabs.postMessage({ ask: kept });
    setTimeout(() => { tabs.removeEventListener("message", heard); resolve(false); }, TAB_WAIT_MS);
  });
}

/** Why a connection broke: the proxy's settings, where Origin and Host do not show the same page. */
async function showProblem(key, values) {
  show(byId("sensor-problem"), key, values);
  if (key !== "err_socket") return;
  try {
    const { agrees, origin, host } = await identify();
    if (!agrees) show(byId("sensor-problem"), "err_origin", { origin, host });
  } catch {
    // The app is gone: what is shown says so already.
  }
}

window.Beside = {
  /** The token of this tab's session, whether it comes by reload, Back, Forward or a link; a new tab starts its own. */
  async resume() {
    await identify().catch(() => {});
    const kept = sessionStorage.getItem("beside-session") || "";
    const mine = kept && !(await takenElsewhere(kept)) ? kept : "";
    return [mine, localStorage.getItem("beside-language") || ""];
  },
  async boot(started) {
    useToken(started.token);
    sessionStorage.setItem("beside-session", started.token);
    sendRegion();
    setLanguage(started.locale);
    markMessages();
    showConsents(started.consents);
    live?.stopAll();
    live = new Live(started.token, byId("camera-video"), {
      onMessage: received,
      onProblem: showProblem,
      onChange: sensorsChanged,
      onLevel: (level) => { byId("level").value = Math.min(1, Math.sqrt(level)); },
    });
    sensorsChanged();
    if (!watching) {
      watching = true;
      watchTalk();
      watchHistory();
      watchJournal();
      watchMemory();
    }
    restoreDraft();
    refresh();
    readStatus();
    window.Beside.ready = true;
    if (!consents.chat) {
      const { store } = await welcome(window.BESIDE.canStore);
      await setConsent("chat", true);
      if (store) await setConsent("store", true);
      focusBox();
    }
  },
  language,
  chosen: takeChosen,
  gallery: openGallery,
  confirm: (title) => ask({ title, text: "history_delete_ask", yes: "yes_delete", no: "cancel", danger: true }),
  answered: () => { readStatus(); markMessages(); refresh(); },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-act]");
  if (!button || !actions[button.dataset.act]) return;
  event.preventDefault();
  actions[button.dataset.act](button);
});
document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.id === "language") {
    localStorage.setItem("beside-language", target.value);
    setLanguage(target.value);
    if (live) sensorsChanged();
    readStatus();
    byId("relabel")?.click();
    refresh();
  } else if (target.id === "moments") live?.watchMoments(target.checked);
  else if (target.dataset?.consent) consentChanged(target);
});
window.addEventListener("pagehide", () => live?.stopAll());
// A page that comes back from the browser's memory has lost its connection: begin again, in the same conversation.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
setInterval(readStatus, STATUS_EVERY_MS);

// Texts and theme before Gradio has asked the server, so that urgent help is readable at once.
const firstLanguage = () => localStorage.getItem("beside-language") || ((navigator.language || "").startsWith("zh") ? "zh" : "en");
function arrived() {
  if (!byId("language")) return false;
  if (!currentToken()) setLanguage(firstLanguage());
  const theme = localStorage.getItem("beside-theme");
  if (theme) document.body.classList.toggle("dark", theme === "dark");
  return true;
}
if (!arrived()) {
  const arrival = new MutationObserver(() => { if (arrived()) arrival.disconnect(); });
  arrival.observe(document.documentElement, { childList: true, subtree: true });
}
