/* Uploads images: drop or choose files, send them with progress per file, then report what was rejected and why.
 * Values: url (the project's imports), report (URL of an import, without its id). Dispatches "upload:progress". */

import { callApi, errorMessage } from "../lib/api.js";
import { Controller } from "../lib/controller.js";
import { csrfToken } from "../lib/csrf.js";
import { newId } from "../lib/ids.js";
import { chosenFiles, droppedFiles, groupFiles, packRequests } from "./upload_files.js";
import { FileRows, reportOf } from "./upload_report.js";

const ATTEMPTS = 4;
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
      this.listen(input, "change", () => this.chooseFrom(input));
      // Files chosen while this module was loading.
      if (input.files.length > 0) this.chooseFrom(input);
    }
    // A file dropped outside the field would replace the page.
    for (const type of ["dragover", "drop"]) this.listen(window, type, (event) => event.preventDefault());
    this.choose();
    this.listen(window, "beforeunload", (event) => this.running && event.preventDefault());
  }

  chooseFrom(input) {
    const files = chosenFiles(input.files);
    input.value = ""; // so that the same files can be chosen again
    void this.start(files);
  }

  choose() {
    this.target("columnField").hidden = this.target("together").value !== "column";
  }

  /** What to keep together, as the API takes it. */
  get grouping() {
    const together = this.target("together").value;
    return together === "column"
      ? { keep_together: together, group_column: this.target("column").value }
      : { keep_together: together };
  }

  hover(event, over) {
    event.preventDefault();
    this.target("drop").toggleAttribute("data-over", over);
  }

  async start(files) {
    const groups = groupFiles(files);
    if (this.running || files.length === 0) return;
    this.target("report").hidden = true;
    this.reports = [];
    this.table = groups.table;
    this.groups = this.grouping;
    this.requests = packRequests(groups).map((request) => ({ ...request, key: newId(), sent: 0, done: false }));
    if (this.requests.length === 0) {
      this.showProgress("These files contain no images.", this.table ? "Add the images that the table describes." : "");
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
      const response = await this.sendWithRetries(request);
      if (!response.ok && !this.refused(request, response)) break;
      if (response.ok) this.sent(request, response.body);
    }
    this.running = false;
    if (this.requests.every((request) => request.done)) await this.follow();
  }

  /* A request refused for its content does not stop the others. A broken connection stops the upload, to be resumed. */
  refused(request, response) {
    const { status } = response;
    if (status >= 400 && status < 500 && status !== 401 && status !== 403) {
      request.done = true;
      this.rows.mark(request.entries, "bad", response.message);
      return true;
    }
    this.showProgress("The upload is incomplete", response.message);
    this.target("again").hidden = false;
    return false;
  }

  sent(request, report) {
    request.done = true;
    request.sent = sizeOf(request);
    this.reports.push(report.id);
    this.rows.mark(request.entries, "busy", "Uploaded, checking");
    this.progress();
    this.dispatch("progress", {});
  }

  /* All attempts share one key, so that files whose response was lost are not imported twice. */
  async sendWithRetries(request) {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.send(request);
      const transient = response.status === 0 || response.status >= 500 || response.status === 429;
      if (!transient || attempt >= ATTEMPTS) return response;
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
    for (const [name, value] of Object.entries(this.groups)) form.append(name, value);
    return new Promise((resolve) => {
      // fetch does not report upload progress.
      const xhr = new XMLHttpRequest();
      xhr.open("POST", this.value("url"));
      xhr.responseType = "json";
      xhr.setRequestHeader("X-CSRFToken", csrfToken());
      xhr.setRequestHeader("Idempotency-Key", request.key);
      xhr.setRequestHeader("Accept", "application/json");
      xhr.upload.addEventListener("progress", ({ loaded }) => this.sending(request, loaded));
      xhr.addEventListener("loadend", () => {
        const message =
          xhr.status === 0
            ? "The connection was lost. Files already uploaded are safe."
            : errorMessage(xhr.status, xhr.response);
        resolve({ ok: xhr.status >= 200 && xhr.status < 300, status: xhr.status, body: xhr.response, message });
      });
      xhr.send(form);
    });
  }

  sending(request, loaded) {
    request.sent = Math.min(loaded, sizeOf(request));
    let before = 0;
    for (const entry of request.entries) {
      const share = Math.min(1, Math.max(0, (request.sent - before) / Math.max(1, entry.file.size)));
      if (share > 0) this.rows.mark([entry], "busy", share < 1 ? `${Math.round(100 * share)}%` : "Uploaded");
      before += entry.file.size;
    }
    this.progress();
  }

  progress() {
    const sent = this.requests.reduce((sum, request) => sum + request.sent, 0);
    const files = this.requests.reduce((sum, request) => sum + request.entries.length, 0);
    this.target("bar").value = this.total ? sent / this.total : 1;
    this.showProgress(
      "Uploading",
      `${files} file${files === 1 ? "" : "s"}, ${megabytes(sent)} of ${megabytes(this.total)}`,
    );
  }

  /* The server opens and checks the uploaded files. Poll until every import is finished. */
  async follow() {
    this.target("bar").removeAttribute("value");
    let reports = [];
    while (!this.signal.aborted) {
      const responses = await Promise.all(this.reports.map((id) => callApi("GET", `${this.value("report")}${id}/`)));
      reports = responses.filter((response) => response.ok).map((response) => response.body);
      const [total, finished] = [
        sum(reports, "total"),
        sum(reports, "taken") + sum(reports, "duplicates") + sum(reports, "refused"),
      ];
      this.showProgress("Checking images", `${finished} of ${total}`);
      this.dispatch("progress", {});
      if (
        responses.every((response) => response.ok) &&
        reports.every((report) => ["done", "failed"].includes(report.state))
      )
        break;
      await pause(POLL);
    }
    this.target("now").hidden = true;
    const container = this.target("report");
    container.replaceChildren(reportOf(reports, this.rows.failed));
    container.hidden = false;
    this.dispatch("progress", {});
  }

  showProgress(title, figure) {
    this.target("now").hidden = false;
    this.target("title").textContent = title;
    this.target("figure").textContent = figure;
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
const sizeOf = (request) => request.entries.reduce((total, entry) => total + entry.file.size, 0);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
