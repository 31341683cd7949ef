/* The list of files being uploaded, and the report of an import. */

const MAX_ROWS = 200;
const MAX_NAMES = 5;

export class FileRows {
  constructor(list) {
    this.list = list;
    this.rows = new Map();
    /** Files that the server refused before an import existed: [{name, reason}]. */
    this.failed = [];
  }

  fill(entries) {
    this.rows.clear();
    this.failed = [];
    this.list.replaceChildren(...entries.slice(0, MAX_ROWS).map((entry) => this.row(entry)));
    if (entries.length <= MAX_ROWS) return;
    const more = document.createElement("li");
    more.textContent = `and ${(entries.length - MAX_ROWS).toLocaleString()} more`;
    this.list.append(more);
  }

  row(entry) {
    const item = document.createElement("li");
    const [name, state] = [document.createElement("span"), document.createElement("small")];
    name.textContent = entry.path;
    name.className = "file-name";
    state.textContent = "Waiting";
    item.append(name, state);
    this.rows.set(entry, item);
    return item;
  }

  mark(entries, state, text) {
    for (const entry of entries) {
      if (state === "bad") this.failed.push({ name: entry.path, reason: text });
      const item = this.rows.get(entry);
      if (!item) continue;
      item.dataset.state = state;
      item.lastElementChild.textContent = text;
    }
  }
}

/** A one-sentence summary, and a table of the rejected files with the reasons. */
export function reportOf(reports, failed) {
  const count = (name) => reports.reduce((total, report) => total + report[name], 0);
  const items = [...failed, ...reports.flatMap((report) => report.items.filter((item) => item.state === "refused"))];
  // An import without any valid file fails as a whole; the table already lists the reasons file by file.
  const errors = reports
    .filter((report) => report.items.length === 0)
    .map((report) => report.error)
    .filter(Boolean);
  const refused = count("refused") + failed.length;
  const box = document.createElement("div");
  box.className = "stack-small";
  const parts = [`${count("taken").toLocaleString()} image${count("taken") === 1 ? "" : "s"} added`];
  if (count("duplicates") > 0)
    parts.push(`${count("duplicates").toLocaleString()} duplicate${count("duplicates") === 1 ? "" : "s"} skipped`);
  if (refused > 0) parts.push(`${refused.toLocaleString()} rejected`);
  box.append(notice(refused + errors.length > 0 ? "warn" : "ok", `${parts.join(", ")}.`));
  for (const error of errors) box.append(notice("bad", error));
  for (const { note } of reports) if (note) box.append(notice("warn", note));
  const unmatched = reports.flatMap((report) => report.metadata?.unmatched ?? []).slice(0, MAX_NAMES);
  const more = reports.reduce((total, report) => total + (report.metadata?.unmatched_count ?? 0), -unmatched.length);
  if (unmatched.length > 0)
    box.append(
      notice(
        "warn",
        `The table names files that were not uploaded: ${unmatched.join(", ")}${more > 0 ? ` and ${more.toLocaleString()} more` : ""}`,
      ),
    );
  const problems = reports.flatMap((report) => report.metadata?.problems ?? []);
  for (const { name, reason } of problems.slice(0, 5))
    box.append(notice("warn", `The table’s row for ${name}: ${reason}`));
  const others = problems.length - 5;
  if (others > 0) {
    const names = others === 1 ? "1 more name in the table is" : `${others} more names in the table are`;
    box.append(notice("warn", `${names} ambiguous or differ${others === 1 ? "s" : ""}.`));
  }
  if (items.length > 0) box.append(rejectionTable(items));
  return box;
}

function notice(state, text) {
  const box = document.createElement("div");
  box.className = "notice";
  box.dataset.state = state;
  box.setAttribute("role", state === "bad" ? "alert" : "status");
  const line = document.createElement("p");
  line.textContent = text;
  box.append(line);
  return box;
}

function rejectionTable(items) {
  const wrap = document.createElement("div");
  wrap.className = "table-wrap dense refusals";
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const heading of ["Rejected", "Reason"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = heading;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const item of items.slice(0, MAX_ROWS)) {
    const row = body.insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = item.name;
    row.append(name);
    row.insertCell().textContent = item.reason;
  }
  wrap.append(table);
  if (items.length > MAX_ROWS) {
    const more = document.createElement("p");
    more.className = "small soft";
    more.textContent = `and ${(items.length - MAX_ROWS).toLocaleString()} more. All files that were not added are listed under Earlier imports.`;
    wrap.append(more);
  }
  return wrap;
}
