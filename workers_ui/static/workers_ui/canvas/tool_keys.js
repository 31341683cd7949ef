/* The keys that only some drawing tools have, for the page's list of shortcuts. */

import { capitalized } from "./wording.js";

/** Fills an element with the keys of these tools, a list for each that has some, and hides it if none has. Where there are
 * several tools, those that choose one come first. */
export function fillKeys(element, tools) {
  if (!element) return;
  const choices = tools.length > 1 ? tools.map(({ key, noun }) => [key.toUpperCase(), noun.one]) : [];
  const lists = [["Drawing tool", choices], ...tools.map((tool) => [capitalized(tool.noun.many), tool.keys])];
  const filled = lists.filter(([, keys]) => keys.length > 0);
  element.hidden = filled.length === 0;
  element.replaceChildren(...filled.flatMap(([title, keys]) => [heading(title), list(keys)]));
}

function heading(title) {
  const element = document.createElement("h3");
  element.textContent = title;
  return element;
}

function list(keys) {
  const element = document.createElement("dl");
  element.className = "keys";
  element.append(...keys.map(([names, text]) => row(names, text)));
  return element;
}

function row(names, text) {
  const [group, term, meaning] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  for (const name of names.split(" ")) {
    const key = document.createElement("kbd");
    key.textContent = name;
    term.append(key);
  }
  meaning.textContent = text;
  group.append(term, meaning);
  return group;
}
