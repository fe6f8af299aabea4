// The texts of the parts that the browser owns. Every element says which text it holds in data-t (its content) or
// data-t-label (its accessible name), so that one call changes the language of all of them.

const data = window.BESIDE;
let locale = "en";

export const language = () => locale;

export function t(key, values = {}) {
  const text = data.texts[locale][key];
  if (text === undefined) throw new Error(`no text is called ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function show(element, key, values) {
  element.dataset.t = key;
  element.textContent = t(key, values);
  // Filled-in texts cannot be refilled from the key alone, so they keep their values.
  if (values) element.dataset.values = JSON.stringify(values);
  else delete element.dataset.values;
  element.hidden = false;
}

export function fill(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.textContent = t(element.dataset.t, JSON.parse(element.dataset.values || "{}"));
  }
  for (const element of root.querySelectorAll("[data-t-placeholder]")) {
    element.placeholder = t(element.dataset.tPlaceholder);
  }
  for (const element of root.querySelectorAll("[data-t-label]")) {
    const label = t(element.dataset.tLabel);
    element.setAttribute("aria-label", label);
    if (element.tagName === "BUTTON") element.title = label;
  }
}

export function setLanguage(wanted) {
  locale = wanted in data.texts ? wanted : "en";
  document.documentElement.lang = locale === "zh" ? "zh-CN" : "en";
  document.title = t("app");
  const select = document.getElementById("language");
  if (select) select.value = locale;
  fill();
}
