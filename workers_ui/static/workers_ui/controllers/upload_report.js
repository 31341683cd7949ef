/* The list of files on their way, and the report of an import. */

const SHOWN = 200;

export class FileRows {
  constructor(list) {
    this.list = list;
    this.rows = new Map();
    this.failed = [];
  }

  fill(entries) {
    this.rows.clear();
    this.failed = [];
    this.list.replaceChildren(...entries.slice(0, SHOWN).map((entry) => this.row(entry)));
    if (entries.length <= SHOWN) return;
    const more = document.createElement("li");
    more.textContent = `and ${(entries.length - SHOWN).toLocaleString()} more`;
    this.list.append(more);
  }

  row(entry) {
    const item = document.createElement("li");
    const [name, state] = [document.createElement("span"), document.createElement("small")];
    name.textContent = entry.path;
    name.className = "file-name";
    state.textContent = "Waits";
    item.append(name, state);
    this.rows.set(entry, item);
    return item;
  }

  mark(entries, state, words) {
    for (const entry of entries) {
      if (state === "bad") this.failed.push({ name: entry.path, reason: words });
      const item = this.rows.get(entry);
      if (!item) continue;
      item.dataset.state = state;
      item.lastElementChild.textContent = words;
    }
  }

  /** Files that the server did not take into an import at all. */
  refusedHere() {
    return this.failed;
  }
}

/** What became of everything, in one sentence, and a table of what was not taken and why. */
export function reportOf(reports, refusedHere) {
  const count = (name) => reports.reduce((total, report) => total + report[name], 0);
  const items = [...refusedHere, ...reports.flatMap((report) => report.items.filter((item) => item.state === "refused"))];
  // An import of one request may have failed for want of a good file: the table says why, file by file.
  const errors = reports.filter((report) => report.items.length === 0).map((report) => report.error).filter(Boolean);
  const refused = count("refused") + refusedHere.length;
  const box = document.createElement("div");
  box.className = "stack-small";
  const parts = [`${count("taken").toLocaleString()} image${count("taken") === 1 ? "" : "s"} taken`];
  if (count("duplicates") > 0) parts.push(`${count("duplicates").toLocaleString()} here already`);
  if (refused > 0) parts.push(`${refused.toLocaleString()} not taken`);
  box.append(notice(refused + errors.length > 0 ? "warn" : "ok", `${parts.join(", ")}.`));
  for (const error of errors) box.append(notice("bad", error));
  const unmatched = reports.flatMap((report) => report.metadata?.unmatched ?? []);
  if (unmatched.length > 0) box.append(notice("warn", `The table names files that are not here: ${unmatched.slice(0, 5).join(", ")}${unmatched.length > 5 ? " …" : ""}`));
  if (items.length > 0) box.append(table(items));
  return box;
}

function notice(state, words) {
  const box = document.createElement("div");
  box.className = "notice";
  box.dataset.state = state;
  box.setAttribute("role", state === "bad" ? "alert" : "status");
  const line = document.createElement("p");
  line.textContent = words;
  box.append(line);
  return box;
}

function table(items) {
  const wrap = document.createElement("div");
  wrap.className = "table-wrap dense refusals";
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  for (const words of ["Not taken", "Why"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = words;
    head.append(cell);
  }
  const body = made.createTBody();
  for (const item of items.slice(0, SHOWN)) {
    const row = body.insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = item.name;
    row.append(name);
    row.insertCell().textContent = item.reason;
  }
  wrap.append(made);
  return wrap;
}
