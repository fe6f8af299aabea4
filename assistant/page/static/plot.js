// Check-ins over days and weeks, and beside them the days on which something was practised: an SVG, and the same as a table.

import { element } from "./elements.js";
import { t } from "./language.js";
import { dayText, timeText } from "./own_page.js";

const DAY_MS = 86_400_000;
//: What the two views show: `days` long, a mark on the axis every `tick` days, no line over more than `gap` days without
//: a check-in, `rows` of the table so many days long.
export const SPANS = { days: { days: 14, tick: 1, gap: 2.5, row: 1 }, weeks: { days: 84, tick: 7, gap: 14, row: 7 } };
const HEIGHT = 214;
const AREA = { left: 26, right: 12, top: 12, bottom: 52 };

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const startOfDay = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
export const addDays = (date, days) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);

/** The Monday on or before a day. */
export const monday = (date) => addDays(date, -((date.getDay() + 6) % 7));

function windowOf(span) {
  const tomorrow = addDays(startOfDay(new Date()), 1);
  const end = span.row === 7 ? addDays(monday(new Date()), 7) : tomorrow;
  return { start: addDays(end, -span.days), end };
}

function axes(width, span, start, x, y) {
  const parts = [];
  for (const value of [0, 5, 10]) {
    parts.push(svg("line", { x1: AREA.left, x2: width - AREA.right, y1: y(value), y2: y(value), class: "plot-grid" }));
    parts.push(svg("text", { x: AREA.left - 8, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  const room = (width - AREA.left - AREA.right) / (span.days / span.tick);
  const every = Math.max(1, Math.ceil(46 / room));
  for (let day = 0, i = 0; day < span.days; day += span.tick, i += 1) {
    if (i % every) continue;
    const date = addDays(start, day);
    const middle = span.tick === 1 ? 0.5 : 0;
    const anchor = span.tick === 1 ? "middle" : "start";
    parts.push(svg("text", { x: x(date.getTime() + middle * DAY_MS), y: HEIGHT - 8, "text-anchor": anchor },
      dayText(date, { day: "numeric", month: "numeric" })));
  }
  return parts;
}

function line(moods, span, x, y) {
  let path = "";
  let before = null;
  for (const mood of moods) {
    const at = Date.parse(mood.at);
    path += `${before !== null && at - before <= span.gap * DAY_MS ? "L" : "M"}${x(at).toFixed(1)} ${y(mood.score).toFixed(1)}`;
    before = at;
  }
  return svg("path", { d: path, class: "plot-line" });
}

/** The rows of the table: [first day, its check-ins, what was practised], only where there is something. */
function rowsOf(moods, practised, span, start) {
  const rows = [];
  for (let day = 0; day < span.days; day += span.row) {
    const [from, until] = [addDays(start, day), addDays(start, day + span.row)];
    const within = (entry) => new Date(entry.at) >= from && new Date(entry.at) < until;
    const row = [from, moods.filter(within), practised.filter(within)];
    if (row[1].length || row[2].length) rows.push(row);
  }
  return rows;
}

function table(rows, span, titles) {
  const head = element("tr", {}, ...[span.row === 7 ? "plot_week" : "plot_day", "plot_mood", "plot_practised"].map((key) => (
    element("th", { scope: "col", textContent: t(key) })
  )));
  const body = rows.map(([day, moods, practised]) => element("tr", {},
    element("th", { scope: "row", textContent: dayText(day) }),
    element("td", { textContent: moods.map((mood) => mood.score).join(", ") || "–" }),
    element("td", { textContent: [...new Set(practised.map((one) => titles[one.exercise] ?? one.exercise))].join(", ") || "–" })));
  return [element("thead", {}, head), element("tbody", {}, ...body)];
}

/** Draw into `place` and fill `behind`, a table. `entries` are those of the server, `titles` the exercises' names. */
export function drawPlot(place, behind, entries, titles, spanName) {
  const span = SPANS[spanName];
  const { start, end } = windowOf(span);
  const shown = entries.filter((entry) => new Date(entry.at) >= start && new Date(entry.at) < end);
  const moods = shown.filter((entry) => entry.kind === "mood").sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const practised = shown.filter((entry) => entry.kind === "practice");
  const rows = rowsOf(moods, practised, span, start);
  behind.replaceChildren(...table(rows, span, titles));
  behind.closest("details").hidden = !rows.length;
  if (!rows.length) return place.replaceChildren(element("p", { className: "muted", textContent: t("plot_none") }));
  const width = Math.max(260, place.clientWidth);
  const x = (ms) => AREA.left + ((width - AREA.left - AREA.right) * (ms - start.getTime())) / (end.getTime() - start.getTime());
  const y = (score) => AREA.top + ((HEIGHT - AREA.top - AREA.bottom) * (10 - score)) / 10;
  const points = moods.map((mood) => svg("circle", { cx: x(Date.parse(mood.at)), cy: y(mood.score), r: 4.5, class: "plot-point" },
    svg("title", {}, `${timeText(mood.at)}: ${mood.score}${mood.note ? `, ${mood.note}` : ""}`)));
  const days = new Map(practised.map((one) => [startOfDay(new Date(one.at)).getTime(), one]));
  const low = HEIGHT - AREA.bottom + 20;
  const marks = [...days].map(([day, one]) => svg("path", {
    d: `M${x(day + DAY_MS / 2)} ${low - 6}l6 6l-6 6l-6 -6z`, class: "plot-mark",
  }, svg("title", {}, `${dayText(new Date(day))}: ${titles[one.exercise] ?? one.exercise}`)));
  const label = t("plot_alt", { first: dayText(start), last: dayText(addDays(end, -1)), checks: moods.length, practised: days.size });
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
    ...axes(width, span, start, x, y), line(moods, span, x, y), ...points, ...marks);
  const legend = element("ul", { className: "legend", ariaHidden: "true" },
    element("li", {}, element("i", { className: "legend-point" }), t("plot_mood")),
    element("li", {}, element("i", { className: "legend-mark" }), t("plot_practised")));
  return place.replaceChildren(drawing, legend);
}
