/* Brings images in: drop or choose, send with progress for each file, then the report of what was not taken and why.
 * Values: url (imports of the project), report (address of an import, without its id). Dispatches "upload:progress". */

import { call, sentenceOf } from "./api.js";
import { Controller } from "./controller.js";
import { csrfToken } from "./csrf.js";
import { newId } from "./ids.js";
import { chosenFiles, droppedFiles, packed, sorted } from "./upload_files.js";
import { FileRows, reportOf } from "./upload_report.js";

const TRIES = 4;
const POLL = 1200;

export default class extends Controller {
  connect() {
    this.running = false;
    this.rows = new FileRows(this.target("list"));
    const drop = this.target("drop");
    for (const type of ["dragenter", "dragover"]) this.listen(drop, type, (event) => this.hover(event, true));
    for (const type of ["dragleave", "drop"]) this.listen(drop, type, (event) => this.hover(event, false));
    this.listen(drop, "drop", async (event) => this.start(await droppedFiles(event.dataTransfer)));
    for (const name of ["files", "folder"]) {
      const input = this.target(name);
      this.listen(input, "change", () => this.take(input));
      // Chosen while this module was still on its way.
      if (input.files.length > 0) this.take(input);
    }
    // A file dropped beside the field would replace the page.
    for (const type of ["dragover", "drop"]) this.listen(window, type, (event) => event.preventDefault());
    this.listen(window, "beforeunload", (event) => this.running && event.preventDefault());
  }

  take(input) {
    const files = chosenFiles(input.files);
    input.value = ""; // the same files may be chosen again
    void this.start(files);
  }

  hover(event, over) {
    event.preventDefault();
    this.target("drop").toggleAttribute("data-over", over);
  }

  async start(files) {
    const kinds = sorted(files);
    if (this.running || files.length === 0) return;
    this.target("report").hidden = true;
    this.reports = [];
    this.table = kinds.table;
    this.requests = packed(kinds).map((request) => ({ ...request, key: newId(), sent: 0, done: false }));
    if (this.requests.length === 0) {
      this.say("There is no image among these files.", this.table ? "Add the images that the table tells about." : "");
      return;
    }
    this.total = this.requests.reduce((sum, request) => sum + sizeOf(request), 0);
    this.rows.fill(this.requests.flatMap((request) => request.entries));
    await this.run();
  }

  again() {
    return this.run();
  }

  async run() {
    this.running = true;
    this.target("now").hidden = false;
    this.target("again").hidden = true;
    for (const request of this.requests.filter((each) => !each.done)) {
      const answer = await this.sendPatiently(request);
      if (!answer.ok && !this.refused(request, answer)) break;
      if (answer.ok) this.sent(request, answer.body);
    }
    this.running = false;
    if (this.requests.every((request) => request.done)) await this.follow();
  }

  /* Refused for what it is: the other requests go on. A broken connection: stop, and offer to go on later. */
  refused(request, answer) {
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 401 && answer.status !== 403) {
      request.done = true;
      this.rows.mark(request.entries, "bad", answer.sentence);
      return true;
    }
    this.say("Not everything is sent", answer.sentence);
    this.target("again").hidden = false;
    return false;
  }

  sent(request, report) {
    request.done = true;
    request.sent = sizeOf(request);
    this.reports.push(report.id);
    this.rows.mark(request.entries, "busy", "Sent, being checked");
    this.progress();
    this.dispatch("progress", {});
  }

  /* The key stays the same over all tries, so that files whose answer was lost are not imported twice. */
  async sendPatiently(request) {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.send(request);
      const passing = answer.status === 0 || answer.status >= 500 || answer.status === 429;
      if (!passing || attempt >= TRIES) return answer;
      await pause(1000 * 2 ** attempt);
    }
  }

  send(request) {
    const form = new FormData();
    for (const { file, path } of request.entries) {
      if (request.archive) form.append("archive", file, file.name);
      else {
        form.append("files", file, file.name);
        form.append("paths", path);
      }
    }
    if (this.table) form.append("metadata", this.table.file, this.table.file.name);
    return new Promise((done) => {
      // fetch tells nothing of how far an upload is.
      const xhr = new XMLHttpRequest();
      xhr.open("POST", this.value("url"));
      xhr.responseType = "json";
      xhr.setRequestHeader("X-CSRFToken", csrfToken());
      xhr.setRequestHeader("Idempotency-Key", request.key);
      xhr.setRequestHeader("Accept", "application/json");
      xhr.upload.addEventListener("progress", ({ loaded }) => this.sending(request, loaded));
      xhr.addEventListener("loadend", () => {
        const sentence = xhr.status === 0 ? "The connection broke. What was sent is safe." : sentenceOf(xhr.status, xhr.response);
        done({ ok: xhr.status >= 200 && xhr.status < 300, status: xhr.status, body: xhr.response, sentence });
      });
      xhr.send(form);
    });
  }

  sending(request, loaded) {
    request.sent = Math.min(loaded, sizeOf(request));
    let before = 0;
    for (const entry of request.entries) {
      const share = Math.min(1, Math.max(0, (request.sent - before) / Math.max(1, entry.file.size)));
      if (share > 0) this.rows.mark([entry], "busy", share < 1 ? `${Math.round(100 * share)} %` : "Sent");
      before += entry.file.size;
    }
    this.progress();
  }

  progress() {
    const sent = this.requests.reduce((sum, request) => sum + request.sent, 0);
    const files = this.requests.reduce((sum, request) => sum + request.entries.length, 0);
    this.target("bar").value = this.total ? sent / this.total : 1;
    this.say("Sending", `${files} file${files === 1 ? "" : "s"}, ${megabytes(sent)} of ${megabytes(this.total)}`);
  }

  /* The files are here; now they are opened and checked. Ask until every import is over. */
  async follow() {
    this.target("bar").removeAttribute("value");
    let reports = [];
    while (!this.signal.aborted) {
      const told = await Promise.all(this.reports.map((id) => call("GET", `${this.value("report")}${id}/`)));
      reports = told.filter((each) => each.ok).map((each) => each.body);
      const [total, over] = [sum(reports, "total"), sum(reports, "taken") + sum(reports, "duplicates") + sum(reports, "refused")];
      this.say("Opening and checking the images", `${over} of ${total}`);
      this.dispatch("progress", {});
      if (told.every((each) => each.ok) && reports.every((report) => ["done", "failed"].includes(report.state))) break;
      await pause(POLL);
    }
    this.target("now").hidden = true;
    const place = this.target("report");
    place.replaceChildren(reportOf(reports, this.rows.refusedHere()));
    place.hidden = false;
    this.dispatch("progress", {});
  }

  say(title, figure) {
    this.target("now").hidden = false;
    this.target("title").textContent = title;
    this.target("figure").textContent = figure;
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
const sizeOf = (request) => request.entries.reduce((total, entry) => total + entry.file.size, 0);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
