// The list of earlier conversations: search, open, rename, pin, export, delete. Opening and deleting change the chat,
// which is Gradio's: they go through its hidden buttons.

import { post } from "./calls.js";
import { askName } from "./dialogs.js";
import { byId, element, saveFile } from "./elements.js";
import { language, show, t } from "./language.js";

const SEARCH_WAIT_MS = 250;
let chosen = "";
let asked = 0;

/** What the last click chose, once. */
export function takeChosen() {
  const now = chosen;
  chosen = "";
  return now;
}

export function choose(id, button) {
  chosen = id;
  byId(button)?.click();
}

/** "2026-11-26T20:10:00+00:00" in the words and the zone of the browser; only the time for today. */
export function localTime(iso, now = new Date()) {
  const at = new Date(iso);
  const sameDay = at.toDateString() === now.toDateString();
  const day = { month: "short", day: "numeric", ...(at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }) };
  const options = { hour: "2-digit", minute: "2-digit", ...(sameDay ? {} : day) };
  return new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : navigator.language, options).format(at);
}

const action = (key, run) => element("button", { type: "button", className: "menu-item", textContent: t(key), onclick: run });

async function change(path, body) {
  try {
    await post(path, body);
    await refresh();
  } catch {
    show(byId("history-note"), "history_not_changed");
  }
}

async function download(row, format) {
  try {
    await saveFile(await post("export", { conversation: row.id, format }), `beside-${row.id}.${format}`);
    byId("history-note").hidden = true;
  } catch {
    show(byId("history-note"), "export_failed");
  }
}

function menu(row) {
  const more = element("summary", { title: t("history_more") }, "⋯");
  more.setAttribute("aria-label", `${t("history_more")}: ${row.title}`);
  return element("details", { className: "menu" }, more, element("div", { className: "menu-list" },
    action("history_rename", async () => {
      const title = await askName(row.title);
      if (title) change("rename", { conversation: row.id, title });
    }),
    action(row.pinned ? "history_unpin" : "history_pin", () => change("pin", { conversation: row.id, pinned: !row.pinned })),
    action("history_html", () => download(row, "html")),
    action("history_json", () => download(row, "json")),
    action("history_delete", () => choose(row.id, "do-delete")),
  ));
}

function item(row, current) {
  const when = element("time", { dateTime: row.last }, localTime(row.last));
  const title = element("span", { className: "title" }, row.title || t("history_untitled"));
  const open = element("button", { type: "button", className: "open", onclick: () => choose(row.id, "do-open") }, title, when);
  if (row.pinned) open.prepend(element("span", { className: "pin", title: t("history_pinned") }, "★"));
  if (row.id === current) open.setAttribute("aria-current", "true");
  const made = element("li", {}, open, menu(row));
  made.dataset.id = row.id;
  return made;
}

export async function refresh() {
  const words = byId("history-search")?.value.trim() ?? "";
  const mine = ++asked;
  let answer;
  try {
    answer = await (await post("history", { words })).json();
  } catch {
    return; // the status line tells when the app is gone
  }
  if (mine !== asked) return;
  const { conversations, current } = answer;
  const list = byId("history-list");
  // A menu that is open stays open: a reply that ends meanwhile must not take it from under the finger.
  const open = list.querySelector("details[open]")?.closest("li").dataset.id;
  list.replaceChildren(...conversations.map((row) => item(row, current)));
  if (open) list.querySelector(`li[data-id="${CSS.escape(open)}"] details`)?.setAttribute("open", "");
  byId("history-search").hidden = !conversations.length && !words;
  byId("history-delete-all").hidden = !conversations.length || Boolean(words);
  if (conversations.length) byId("history-none").hidden = true;
  else show(byId("history-none"), words ? "history_not_found" : "history_none");
}

/** Called once the page is there. */
export function watchHistory() {
  let waiting;
  byId("history-search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, SEARCH_WAIT_MS);
  });
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("#history details[open]")) {
      if (!open.contains(event.target) || event.target.closest(".menu-item")) open.open = false;
    }
  });
}
