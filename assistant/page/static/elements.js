// Building HTML without markup in strings: what a person wrote is only ever text.

export const byId = (id) => document.getElementById(id);

/** An element with these properties; `data` are its data-* attributes, `aria` its aria-* ones. */
export function element(name, { data = {}, aria = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, data);
  for (const [key, value] of Object.entries(aria)) made.setAttribute(`aria-${key}`, value);
  made.append(...children);
  return made;
}

/** Save an answer of the server as a file. */
export async function saveFile(answer, name) {
  const link = element("a", { href: URL.createObjectURL(await answer.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
