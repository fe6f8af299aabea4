// What is remembered: lines that the person adds or confirms, each with its own switch.

import { post } from "./calls.js";
import { byId, element } from "./elements.js";
import { show, t } from "./language.js";
import { OwnPage, allowed, dayText, oneLine } from "./own_page.js";

const MOST = 12; // lines that go along (assistant/prompt.py)
let data = { entries: [], conversations: {} };
const page = new OwnPage("memory-dialog", (answer) => { data = answer; draw(); });
const lines = () => data.entries.filter((entry) => entry.kind === "line").reverse();

export function openMemory() {
  show(byId("memory-lead"), "memory_lead", { count: MOST });
  return page.open();
}

function draw() {
  const on = allowed("memory");
  byId("memory-off").hidden = on;
  byId("line-form").hidden = !on;
  const items = lines().map(line);
  byId("lines").replaceChildren(...(items.length ? items : [element("li", { className: "muted none", textContent: t("memory_none") })]));
  byId("memory-delete-all").hidden = !items.length;
  drawSuggestions(on);
}

function line(entry) {
  const from = entry.conversation_id
    ? t("memory_from", { title: data.conversations[entry.conversation_id] || t("history_untitled") }) : t("memory_by_hand");
  const since = t("memory_since", { date: dayText(new Date(entry.at), { day: "numeric", month: "long", year: "numeric" }) });
  const given = { id: entry.id, at: entry.at };
  const toggle = element("input", {
    type: "checkbox", checked: entry.on, data: { place: `on-${entry.id}` }, aria: { label: t("memory_use", { what: entry.words }) },
  });
  toggle.setAttribute("role", "switch");
  toggle.onchange = () => page.save("line", { words: entry.words, on: toggle.checked }, given);
  const words = element("span", { className: "words", textContent: entry.words });
  const row = element("span", { className: "entry" }, words, element("small", { textContent: `${since} · ${from}` }));
  const change = () => page.rewrite(words, entry.words, (now) => page.save("line", { words: now, on: entry.on }, given));
  return element("li", { className: entry.on ? "" : "is-off" },
    element("label", { className: "switch" }, toggle), row, page.buttons(entry.id, entry.words, change));
}

async function drawSuggestions(on) {
  const place = byId("suggested");
  if (!on) {
    place.hidden = true;
    return;
  }
  let found = [];
  try {
    found = (await (await post("suggest", {})).json()).suggestions;
  } catch {
    // None are shown; the lines are there all the same.
  }
  place.hidden = !found.length;
  byId("suggestions").replaceChildren(...found.map(({ words, conversation, title }) => element("li", {},
    element("span", { className: "entry" }, element("span", { className: "words", textContent: words }),
      element("small", { textContent: t("memory_from", { title: title || t("history_untitled") }) })),
    element("button", {
      type: "button", className: "button small", textContent: t("memory_remember"), aria: { label: `${t("memory_remember")}: ${words}` },
      onclick: () => page.save("line", { words }, { conversation }),
    }))));
}

/** Called once the page is there. */
export function watchMemory() {
  oneLine(byId("line-form"), (words) => page.save("line", { words }));
  byId("memory-delete-all").onclick = () => page.remove(lines().map((entry) => entry.id), "memory_delete_all_title");
}
