// Urgent help, first use, and yes-or-no questions. Everything here works with the server gone.

import { byId } from "./elements.js";
import { language, show, t } from "./language.js";

const data = window.BESIDE;

function lineItem(line) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = line.name;
  const ways = document.createElement("span");
  ways.className = "ways";
  for (const way of line.ways) {
    const link = document.createElement(way.href ? "a" : "span");
    link.textContent = way.text;
    if (way.href) link.href = way.href;
    if (way.href?.startsWith("https:")) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
    ways.append(link);
  }
  const note = document.createElement("small");
  note.textContent = line.note;
  item.append(name, ways, note);
  return item;
}

function fillLines(list, region) {
  const known = data.help.regions[region] ? region : data.help.fallback;
  const entry = data.help.regions[known];
  list.replaceChildren(...entry.lines[language()].map(lineItem));
  return entry;
}

export function chosenRegion() {
  const kept = localStorage.getItem("beside-region");
  if (kept && data.help.regions[kept]) return kept;
  if (data.help.region) return data.help.region;
  const parts = (navigator.language || "").split("-");
  const country = parts[parts.length - 1].toUpperCase();
  if (parts.length > 1 && data.help.regions[country]) return country;
  return data.help.byLanguage[language()] || data.help.fallback;
}

export function openSos() {
  const dialog = byId("sos-dialog");
  const select = byId("sos-region");
  select.replaceChildren(...Object.entries(data.help.regions).map(([code, entry]) => new Option(entry.name[language()], code)));
  select.value = chosenRegion();
  const fill = () => {
    const entry = fillLines(byId("sos-lines"), select.value);
    show(byId("sos-lead"), "sos_lead", { emergency: entry.emergency[language()] });
    show(byId("sos-checked"), data.help.stale ? "sos_stale" : "sos_checked", { date: data.help.checked });
  };
  select.onchange = () => {
    localStorage.setItem("beside-region", select.value);
    document.dispatchEvent(new CustomEvent("beside-region"));  // replies name the same lines, while the server is there
    fill();
  };
  fill();
  if (!dialog.open) dialog.showModal();
}

/** Ask yes or no. Resolves to true, false, or (with `dismissable`) null when the dialog was closed by Escape. */
export function ask({ title, text, yes, no, danger = false }) {
  const dialog = byId("ask-dialog");
  byId("ask-title").textContent = t(title);
  byId("ask-text").textContent = t(text);
  byId("ask-yes").textContent = t(yes);
  byId("ask-no").textContent = t(no);
  byId("ask-yes").classList.toggle("danger", danger);
  dialog.returnValue = "";
  dialog.showModal();
  byId("ask-no").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve({ yes: true, no: false }[dialog.returnValue] ?? null), { once: true });
  });
}

/** The first-use notice. Resolves to {store} once the person has confirmed. */
export function welcome(canStore) {
  const dialog = byId("welcome-dialog");
  const confirm = byId("welcome-confirm");
  const start = byId("welcome-start");
  byId("welcome-store-row").hidden = !canStore;
  confirm.checked = false;
  start.disabled = true;
  confirm.onchange = () => { start.disabled = !confirm.checked; };
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "start") resolve({ store: canStore && byId("welcome-store").checked });
    });
  });
}

/** Ask for another name. Resolves to the new one, or "" when nothing is to change. */
export function askName(name) {
  const dialog = byId("name-dialog");
  byId("name-input").value = name;
  dialog.returnValue = "";
  dialog.showModal();
  byId("name-input").select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "save" ? byId("name-input").value.trim() : "");
    }, { once: true });
  });
}

export const actions = {
  sos: openSos,
  close: (button) => button.closest("dialog").close(),
  "ask-yes": () => byId("ask-dialog").close("yes"),
  "ask-no": () => byId("ask-dialog").close("no"),
  start: () => byId("welcome-dialog").close("start"),
  minor: () => {
    byId("welcome-dialog").close("minor");
    const dialog = byId("minor-dialog");
    fillLines(byId("minor-lines"), chosenRegion());
    // There is nothing behind this dialog for a minor to return to: reloading the page asks again.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.showModal();
  },
};
