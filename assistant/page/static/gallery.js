// The gallery of exercises: by need and minutes. A click sends the words that start one, as if the person had written them.

import { byId, element } from "./elements.js";
import { language, show, t } from "./language.js";
import { focusBox, say, touch } from "./talk.js";

const { needs, exercises } = window.BESIDE.gallery;
const UP_TO_MINUTES = [5, 10, 15];

function sourcesOf(words) {
  const named = words.sources.map((source) => `${source.author} ${source.year}`).join(language() === "zh" ? "；" : "; ");
  const notes = words.sources.map((source) => element("p", {}, `${source.author} ${source.year}: ${source.note}`));
  return element("details", { className: "sources" }, element("summary", {}, t("gallery_sources", { names: named })), ...notes);
}

function card(exercise) {
  const words = exercise.words[language()];
  const start = element("button", {
    type: "button", className: "button primary small", data: { act: "exercise", name: exercise.name },
    aria: { label: `${t("gallery_start")}: ${words.title}` },
  }, t("gallery_start"));
  return element("li", {},
    element("h3", {}, words.title),
    element("span", { className: "minutes" }, t("gallery_minutes", { minutes: exercise.minutes })),
    element("p", {}, words.about),
    element("p", { className: "careful" }, element("b", {}, t("gallery_careful")), ` ${words.careful}`),
    sourcesOf(words),
    start,
  );
}

function fillList() {
  const need = byId("gallery-need").value;
  const minutes = Number(byId("gallery-time").value) || Infinity;
  const fitting = exercises.filter((one) => (!need || one.needs.includes(need)) && one.minutes <= minutes);
  byId("gallery-list").replaceChildren(...fitting.map(card));
  show(byId("gallery-count"), fitting.length ? "gallery_count" : "gallery_none", { count: fitting.length });
}

function fillFilters() {
  const [need, time] = [byId("gallery-need"), byId("gallery-time")];
  const kept = [need.value, time.value];
  need.replaceChildren(new Option(t("need_any"), ""), ...needs.map((name) => new Option(t(`need_${name}`), name)));
  time.replaceChildren(
    new Option(t("gallery_any_time"), ""), ...UP_TO_MINUTES.map((minutes) => new Option(t("gallery_up_to", { minutes }), minutes)),
  );
  [need.value, time.value] = kept;
  for (const select of [need, time]) {
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.onchange = fillList;
  }
}

export function openGallery() {
  fillFilters();
  fillList();
  byId("gallery-dialog").showModal();
  byId("gallery-dialog").scrollTop = 0;
  byId("gallery-need").focus({ preventScroll: true });
}

export function startExercise(name) {
  const { words } = exercises.find((one) => one.name === name);
  byId("gallery-dialog").close();
  say(words[language()].asks);
  if (!touch()) focusBox(); // where no keyboard would come up over the first step
}
