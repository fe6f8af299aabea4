// The journal: check-ins and their plot, goals in steps, what was practised, looking back.

import { byId, element } from "./elements.js";
import { language, t } from "./language.js";
import { OwnPage, dayText, oneLine, timeText } from "./own_page.js";
import { addDays, drawPlot, monday } from "./plot.js";

const SHOWN = 8;
let data = { entries: [], exercises: {} };
let span = "days";
let shown = SHOWN;
let editing = null; // the check-in that the form changes
let begun = ""; // the time that the form began with: left like that, it means the moment of saving

const page = new OwnPage("journal-dialog", (answer) => { data = answer; draw(); });
const of = (kind) => data.entries.filter((entry) => entry.kind === kind);
const titleOf = (name) => data.exercises[name] ?? name;

export async function openJournal() {
  shown = SHOWN;
  fillForm(null);
  await page.open();
}

function draw() {
  drawPlot(byId("plot"), byId("plot-table").querySelector("table"), data.entries, data.exercises, span);
  drawMoods();
  fill("goals", of("goal").map(goal), "goals_none");
  fill("practised", of("practice").reverse().map(practised), "practised_none");
  fill("weeks", of("look_back").reverse().map(week), "");
}

function fill(id, items, none) {
  if (!items.length && none) items = [element("li", { className: "muted none", textContent: t(none) })];
  byId(id).replaceChildren(...items);
}

// --- Check-ins --------------------------------------------------------------------------------------------------------

const local = (date) => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

function fillForm(entry) {
  editing = entry;
  begun = local(entry ? new Date(entry.at) : new Date());
  byId("mood-when").value = begun;
  byId("mood-note").value = entry?.note ?? "";
  byId("mood-cancel").hidden = !entry;
  for (const input of byId("mood-numbers").querySelectorAll("input")) input.checked = entry?.score === Number(input.value);
}

function numbers() {
  byId("mood-numbers").replaceChildren(...Array.from({ length: 11 }, (_, score) => element("label", {},
    element("input", { type: "radio", name: "mood-score", value: String(score), aria: { describedby: "mood-scale" } }),
    element("span", {}, String(score)))));
}

async function keepMood(event) {
  event.preventDefault();
  const chosen = byId("mood-numbers").querySelector("input:checked");
  if (!chosen) {
    page.problem("mood_first");
    byId("mood-numbers").querySelector("input").focus();
    return;
  }
  const entry = { score: Number(chosen.value), note: byId("mood-note").value };
  const when = byId("mood-when").value;
  const given = editing ? { id: editing.id, at: editing.at } : {};
  if (when && when !== begun) given.at = new Date(when).toISOString();
  if (await page.save("mood", entry, given)) fillForm(null);
}

function drawMoods() {
  const moods = of("mood").reverse();
  fill("moods", moods.slice(0, shown).map(mood), "moods_none");
  byId("moods-more").hidden = moods.length <= shown;
}

function mood(entry) {
  const change = () => {
    fillForm(entry);
    byId("mood-form").scrollIntoView({ block: "nearest" });
    (byId("mood-numbers").querySelector("input:checked") ?? byId("mood-note")).focus();
  };
  return element("li", {},
    element("b", { className: "score", aria: { label: t("mood_of_ten", { score: entry.score }) } }, String(entry.score)),
    element("span", { className: "entry" },
      element("time", { dateTime: entry.at, textContent: timeText(entry.at) }),
      element("span", { className: "words", textContent: entry.note })),
    page.buttons(entry.id, `${timeText(entry.at)}, ${entry.score}`, change));
}

// --- Goals ------------------------------------------------------------------------------------------------------------

function goal(entry) {
  const keep = (changes) => page.save("goal", { words: entry.words, steps: entry.steps, done: entry.done, ...changes },
    { id: entry.id, at: entry.at });
  const head = element("div", { className: "entry-row" });
  head.append(tick(entry.words, entry.done, `goal-${entry.id}`, (done) => keep({ done })),
    page.buttons(entry.id, entry.words, () => page.rewrite(head, entry.words, (words) => keep({ words }))));
  const steps = entry.steps.map((step, i) => {
    const others = (changed) => entry.steps.flatMap((one, j) => (i === j ? changed : [one]));
    const row = element("li", { className: "entry-row" });
    const tools = page.buttons(`${entry.id}-${i}`, step.words,
      () => page.rewrite(row, step.words, (words) => keep({ steps: others([{ ...step, words }]) })));
    tools.lastChild.onclick = () => keep({ steps: others([]) });
    row.append(tick(step.words, step.done, `step-${entry.id}-${i}`, (done) => keep({ steps: others([{ ...step, done }]) })), tools);
    return row;
  });
  const label = `${t("step_new")}: ${entry.words}`;
  const add = element("form", { className: "one-line" },
    element("input", {
      type: "text", maxLength: 160, required: true, autocomplete: "off", placeholder: t("step_new"), aria: { label },
      data: { place: `new-step-${entry.id}` },
    }),
    element("button", { type: "submit", className: "button small", textContent: t("journal_add") }));
  oneLine(add, (words) => keep({ steps: [...entry.steps, { words, done: "" }] }));
  return element("li", { className: "goal" }, head, element("ul", {}, ...steps), add);
}

function tick(words, done, place, keep) {
  const box = element("input", { type: "checkbox", checked: Boolean(done), data: { place } });
  box.onchange = () => keep(box.checked ? new Date().toISOString() : "");
  return element("label", { className: "tick" }, box, element("span", { className: "words", textContent: words }));
}

// --- Practised --------------------------------------------------------------------------------------------------------

function practised(entry) {
  const title = titleOf(entry.exercise);
  const box = element("input", { type: "checkbox", checked: entry.finished, data: { place: `finished-${entry.id}` }, aria: {
    label: `${title}: ${t("practised_finished")}`,
  } });
  box.onchange = () => page.save("practice", { exercise: entry.exercise, finished: box.checked }, { id: entry.id, at: entry.at });
  return element("li", {},
    element("span", { className: "entry" },
      element("time", { dateTime: entry.at, textContent: timeText(entry.at) }),
      element("span", { className: "words", textContent: title })),
    element("label", { className: "tick" }, box, element("span", {}, t("practised_finished"))),
    page.buttons(entry.id, `${title}, ${timeText(entry.at)}`));
}

// --- Looking back -----------------------------------------------------------------------------------------------------

function lookBack(weeksAgo) {
  const first = addDays(monday(new Date()), -7 * weeksAgo);
  const [start, end] = [first.toISOString(), addDays(first, 7).toISOString()];
  const known = of("look_back").find((entry) => Date.parse(entry.start) === first.getTime());
  const reveal = () => byId("weeks").querySelector(`[data-start="${first.getTime()}"]`)?.scrollIntoView({ block: "nearest" });
  if (known) reveal();
  else page.save("look_back", { start, end }).then(reveal);
}

function week(entry) {
  const { week: counted } = entry;
  const separator = language() === "zh" ? "、" : ", ";
  const range = t("week_from", { first: dayText(new Date(entry.start)), last: dayText(addDays(new Date(entry.end), -1)) });
  const lines = [counted.checks ? t("week_checks", { count: counted.checks, lowest: counted.lowest, highest: counted.highest }) : t("week_no_checks")];
  if (counted.practised.length) {
    lines.push(t("week_practised", { list: counted.practised.map(([name, count]) => t("week_times", { name: titleOf(name), count })).join(separator) }));
  }
  if (counted.done.length) lines.push(t("week_done", { list: counted.done.join(separator) }));
  const own = element("textarea", { rows: 2, maxLength: 1000, value: entry.words, aria: { label: `${t("week_own")} ${range}` },
    placeholder: t("week_own"), data: { place: `week-${entry.id}` } });
  const form = element("form", { className: "own-words" }, own, element("button", { type: "submit", className: "button small", textContent: t("save") }));
  form.onsubmit = (event) => {
    event.preventDefault();
    page.save("look_back", { start: entry.start, end: entry.end, words: own.value }, { id: entry.id, at: entry.at });
  };
  return element("li", { className: "week", data: { start: String(Date.parse(entry.start)) } },
    element("div", { className: "entry-row" }, element("h4", {}, range), page.buttons(entry.id, range)),
    ...lines.map((words) => element("p", {}, words)),
    ...(counted.notes.length ? [element("ul", { className: "notes" }, ...counted.notes.map((note) => element("li", {}, note)))] : []),
    form);
}

/** Called once the page is there. */
export function watchJournal() {
  numbers();
  byId("mood-form").onsubmit = keepMood;
  byId("mood-cancel").onclick = () => fillForm(null);
  byId("moods-more").onclick = () => { shown += 20; drawMoods(); };
  for (const name of ["days", "weeks"]) {
    byId(`plot-${name}`).onclick = () => {
      span = name;
      for (const one of ["days", "weeks"]) byId(`plot-${one}`).setAttribute("aria-pressed", String(one === name));
      draw();
    };
  }
  oneLine(byId("goal-form"), (words) => page.save("goal", { words }));
  byId("week-this").onclick = () => lookBack(0);
  byId("week-last").onclick = () => lookBack(1);
  byId("journal-delete-all").onclick = () => page.remove(
    data.entries.filter((entry) => entry.kind !== "line").map((entry) => entry.id), "journal_delete_all_title");
  window.addEventListener("resize", () => { if (page.dialog.open) draw(); });
}
