// What the page's script adds to Gradio's chat: drafts, starters, the seconds of waiting, copy and ask again, keys.

import { byId } from "./elements.js";
import { choose } from "./history.js";
import { show, t } from "./language.js";
import { openPacer } from "./pacer.js";

const DRAFT = "beside-draft";
const SHOW_SECONDS_AFTER = 3;
const SENT_WITHIN_MS = 10_000;
const SHORT_PX = 560; // a phone with its keyboard up
export const touch = () => matchMedia("(pointer: coarse)").matches;
export const box = () => byId("message")?.querySelector("textarea");

function put(words) {
  const area = box();
  area.value = words;
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

// --- Drafts: in this tab's sessionStorage only, gone with the tab -----------------------------------------------------

export function keepDraft() {
  const area = box();
  if (!area) return;
  if (area.value) sessionStorage.setItem(DRAFT, area.value);
  else sessionStorage.removeItem(DRAFT);
}

export function restoreDraft() {
  const kept = sessionStorage.getItem(DRAFT);
  if (kept && !box().value) put(kept);
}

// --- The first screen -------------------------------------------------------------------------------------------------

export function focusBox() {
  box()?.focus({ preventScroll: true });
}

/** Send these words as the person's; what they had begun to write comes back into the box. */
export function say(words) {
  const begun = box().value;
  put(words);
  // Gradio takes the new text in with its next tick, and only then a click may send it.
  setTimeout(() => {
    byId("send").click();
    if (begun) putBack(begun, words, performance.now() + SENT_WITHIN_MS);
  }, 60);
}

/** The box is emptied when the server has taken what was sent: only then can a draft stand in it again. */
function putBack(begun, sent, until) {
  if (box().value === sent && performance.now() < until) setTimeout(() => putBack(begun, sent, until), 50);
  else put(begun);
}

export function start(name) {
  if (name === "talk") focusBox();
  else say(t(`starter_${name}_says`));
}

// --- Waiting ----------------------------------------------------------------------------------------------------------

let waitingSince = 0;

function tick() {
  const place = document.querySelector("#chat .typing-seconds");
  if (!place) {
    waitingSince = 0;
    return;
  }
  waitingSince ||= performance.now();
  const seconds = Math.floor((performance.now() - waitingSince) / 1000);
  place.setAttribute("aria-live", "off"); // a screen reader is told that one waits, not every second of it
  const words = seconds >= SHOW_SECONDS_AFTER ? t("seconds", { seconds }) : "";
  if (place.textContent !== words) place.textContent = words;
}

// --- Replies ----------------------------------------------------------------------------------------------------------

/** What a button's class says after "turn-" or "pace-": Gradio lets no other attribute through. */
const told = (button, kind) => [...button.classList].find((name) => name.startsWith(`${kind}-`))?.slice(kind.length + 1) ?? "";

async function copy(button) {
  const words = button.closest(".message-content").cloneNode(true);
  words.querySelector(".reply-tools").remove();
  for (const block of words.querySelectorAll("p, li, blockquote, pre")) block.append("\n");
  for (const line of words.querySelectorAll("br")) line.replaceWith("\n");
  const plain = words.textContent.trim();
  try {
    await navigator.clipboard.writeText(plain);
  } catch { // no clipboard outside https and localhost
    const area = Object.assign(document.createElement("textarea"), { value: plain });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  show(button, "copied");
  setTimeout(() => { if (button.isConnected) show(button, "copy"); }, 1500);
}

/** Gradio names each message by its whole HTML source, which screen readers would read out. */
function nameMessages() {
  for (const message of document.querySelectorAll('#chat [data-testid="bot"], #chat [data-testid="user"]')) {
    if (message.hasAttribute("aria-label")) message.removeAttribute("aria-label");
  }
}

// --- Keys -------------------------------------------------------------------------------------------------------------

const keysOn = () => localStorage.getItem("beside-keys") !== "off";

export function openKeys() {
  byId("keys-on").checked = keysOn();
  byId("keys-on").onchange = ({ target }) => localStorage.setItem("beside-keys", target.checked ? "on" : "off");
  byId("keys-dialog").showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && document.querySelector("#composer .busy")) byId("stop").click();
  if (writing || !keysOn()) return;
  if (event.key === "?") openKeys();
  else if (event.key === "/") focusBox();
  else return;
  event.preventDefault();
}

// --- A phone's keyboard -----------------------------------------------------------------------------------------------

/** The height that is left above the keyboard, where the browser covers the page instead of shortening it. */
function fitHeight() {
  const height = Math.round(window.visualViewport?.height ?? innerHeight);
  document.documentElement.style.setProperty("--b-height", `${height}px`);
  // On both: Gradio repeats the page's rules for what lies inside its container, and those are the stronger ones.
  for (const place of [document.documentElement, byId("layout")]) place.classList.toggle("short", height < SHORT_PX);
  if (document.activeElement !== box() || !touch()) return;
  box().scrollIntoView({ block: "nearest" });
  const log = document.querySelector("#chat [role=log]");
  requestAnimationFrame(() => { if (log) log.scrollTop = log.scrollHeight; });
}

/** Called once the page is there. */
export function watchTalk() {
  setInterval(tick, 250);
  setInterval(keepDraft, 2000);
  window.addEventListener("pagehide", keepDraft);
  document.addEventListener("visibilitychange", keepDraft);
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#chat .on-reply");
    if (button?.classList.contains("act-copy")) copy(button);
    else if (button?.classList.contains("act-again")) choose(told(button, "turn"), "retry");
    else if (button?.classList.contains("act-pace")) openPacer(told(button, "pace"));
  });
  byId("message").addEventListener("input", keepDraft);
  fitHeight();
  window.visualViewport?.addEventListener("resize", fitHeight);
  window.addEventListener("resize", fitHeight);
  box().addEventListener("focus", fitHeight);
  const chat = byId("chat");
  new MutationObserver(nameMessages).observe(chat, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"],
  });
  nameMessages();
}
