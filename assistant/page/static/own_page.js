// What the journal and the memory have in common: a dialog that shows entries of the server, each of which can be changed
// and deleted.

import { post } from "./calls.js";
import { ask } from "./dialogs.js";
import { byId, element, saveFile } from "./elements.js";
import { language, show, t } from "./language.js";

let consents = {};
const pages = [];
document.addEventListener("beside-consents", ({ detail }) => {
  consents = detail;
  for (const page of pages) if (page.dialog?.open) page.refresh();
});

export const allowed = (name) => Boolean(consents[name]);

const zone = () => (language() === "zh" ? "zh-CN" : navigator.language);
export const dayText = (date, options = { weekday: "short", day: "numeric", month: "short" }) => (
  new Intl.DateTimeFormat(zone(), options).format(date)
);
export const timeText = (iso) => dayText(new Date(iso), { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export class OwnPage {
  /** `draw(answer)` fills the dialog with what the server told. */
  constructor(id, draw) {
    this.id = id;
    this.draw = draw;
    pages.push(this);
  }

  get dialog() {
    return byId(this.id);
  }

  async open() {
    this.clear();
    if (!this.dialog.open) this.dialog.showModal();
    await this.refresh();
  }

  /** Show everything anew; the keyboard's place stays, or goes to the heading where it was deleted. */
  async refresh() {
    const keeps = window.BESIDE.canStore && allowed("store");
    const [need, body] = [this.dialog.querySelector(".needs-keeping"), this.dialog.querySelector(".own-body")];
    need.hidden = keeps;
    body.hidden = !keeps;
    if (!window.BESIDE.canStore) {
      show(need.querySelector("p"), "store_disabled");
      need.querySelector("button").hidden = true;
    }
    if (!keeps) return;
    const place = document.activeElement?.dataset?.place;
    const within = this.dialog.contains(document.activeElement);
    try {
      this.draw(await (await post("journal", {})).json());
    } catch {
      this.problem("journal_failed");
      return;
    }
    if (place) this.dialog.querySelector(`[data-place="${CSS.escape(place)}"]`)?.focus();
    if (within && !this.dialog.contains(document.activeElement)) this.dialog.querySelector("h2").focus();
  }

  clear() {
    this.dialog.querySelector(".problem").hidden = true;
  }

  /** Say what went wrong, or that the crisis lines are there; `serious` puts the button to them beside it. */
  problem(key, serious = false) {
    const place = this.dialog.querySelector(".problem");
    place.hidden = false;
    delete place.dataset.t;
    place.replaceChildren(element("span", {}, t(key)));
    if (serious) place.append(" ", element("button", { type: "button", className: "sos", textContent: t("sos"), data: { act: "sos" } }));
    place.scrollIntoView({ block: "nearest" });
  }

  /** Keep an entry, a new one without `id`. Resolves to whether it was kept. */
  async save(kind, entry, given = {}) {
    this.clear();
    let answer;
    try {
      answer = await (await post("journal-save", { kind, entry, ...given })).json();
    } catch {
      this.problem("journal_failed");
      return false;
    }
    await this.refresh();
    if (answer.help) this.problem(answer.saved ? "journal_serious" : "memory_not_kept", true);
    return answer.saved;
  }

  async remove(ids, title = "journal_delete_title") {
    if (!(await ask({ title, text: "history_delete_ask", yes: "yes_delete", no: "cancel", danger: true }))) return;
    this.clear();
    try {
      const { proved } = await (await post("journal-delete", { ids })).json();
      await this.refresh();
      this.problem(proved ? "history_deleted" : "history_unproved");
    } catch {
      this.problem("journal_failed");
    }
  }

  /** The two buttons of an entry; `what` names it for those who do not see where they stand. */
  buttons(id, what, change) {
    const made = [];
    if (change) {
      made.push(element("button", {
        type: "button", className: "button quiet small", textContent: t("journal_change"), onclick: change,
        data: { place: `change-${id}` }, aria: { label: t("journal_change_what", { what }) },
      }));
    }
    made.push(element("button", {
      type: "button", className: "button quiet small", textContent: t("history_delete"), onclick: () => this.remove([id]),
      aria: { label: t("journal_delete_what", { what }) },
    }));
    return element("span", { className: "entry-tools" }, ...made);
  }

  /** Write anew what stands in `place`. `keep(words)` is called with what was written, unless it is left as it was. */
  rewrite(place, words, keep) {
    const back = () => this.refresh();
    const input = element("input", {
      type: "text", value: words, maxLength: 160, required: true, autocomplete: "off", aria: { label: t("journal_change") },
    });
    input.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // it would close the dialog
      back();
    };
    const form = element("form", { className: "one-line" }, input,
      element("button", { type: "submit", className: "button small", textContent: t("save") }),
      element("button", { type: "button", className: "button small", textContent: t("cancel"), onclick: back }));
    form.onsubmit = (event) => {
      event.preventDefault();
      const now = input.value.trim();
      if (now && now !== words) keep(now);
      else back();
    };
    place.replaceChildren(form);
    input.focus();
    input.select();
  }
}

/** Call `run(words)` with what was written in a form of one line, and empty it when that was kept. */
export function oneLine(form, run) {
  form.onsubmit = async (event) => {
    event.preventDefault();
    const input = form.querySelector("input");
    const words = input.value.trim();
    if (words && (await run(words))) input.value = "";
  };
}

/** Everything of this person, as a file. */
export async function exportAll(button) {
  const { format } = button.dataset;
  const page = pages.find((one) => one.dialog.contains(button));
  try {
    await saveFile(await post("export", { everything: true, format }), `beside.${format}`);
  } catch {
    page.problem("export_failed");
  }
}
