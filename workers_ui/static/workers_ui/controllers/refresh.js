/* <div data-controller="refresh" data-refresh-url="?part=board" data-refresh-on="live:event"><div data-refresh-target="content">
 * Reloads the content when one of the named events is dispatched on the page, and every two seconds while it contains
 * [data-refresh-busy]. At most once a second, or in the milliseconds of data-refresh-every, and never while someone is
 * using the content. The event "refresh:done" is dispatched after a reload. */

import { Controller } from "../lib/controller.js";

const MIN_INTERVAL = 1000;
const BUSY_INTERVAL = 2000;

export default class extends Controller {
  connect() {
    this.last = 0;
    for (const type of (this.value("on") ?? "").split(/\s+/).filter(Boolean)) {
      this.listen(document, type, () => this.schedule());
    }
    this.listen(
      document,
      "visibilitychange",
      () => document.visibilityState === "visible" && this.pending && this.schedule(),
    );
    this.pollIfBusy();
  }

  disconnect() {
    clearTimeout(this.timer);
  }

  get content() {
    return this.target("content");
  }

  get interval() {
    return Number(this.value("every") ?? MIN_INTERVAL);
  }

  schedule(wait = Math.max(50, this.last + this.interval - Date.now())) {
    this.pending = true;
    this.timer ??= setTimeout(() => this.load(), wait);
  }

  pollIfBusy() {
    if (this.content.querySelector("[data-refresh-busy]")) this.schedule(BUSY_INTERVAL);
  }

  /* A field or a dialog in use must not be replaced. */
  get inUse() {
    const active = document.activeElement;
    const field = this.content.contains(active) && active.matches("input, select, textarea");
    return field || this.content.querySelector("dialog[open]") !== null;
  }

  async load() {
    this.timer = null;
    if (document.visibilityState === "hidden") return;
    this.last = Date.now();
    if (this.inUse) {
      this.schedule(BUSY_INTERVAL);
      return;
    }
    this.pending = false;
    try {
      const response = await fetch(this.value("url"), { credentials: "same-origin", signal: this.signal });
      if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
      this.swap(await response.text());
    } catch {
      if (this.signal.aborted) return;
      this.schedule(5 * BUSY_INTERVAL); // the page keeps its older content; the live line reports a lost connection
      return;
    }
    if (!this.pending) this.pollIfBusy();
  }

  /* The content comes from our own server, rendered by the same templates as the page. */
  swap(html) {
    const folds = [...this.content.querySelectorAll("details")].map((fold) => fold.open);
    const scroll = [...this.content.querySelectorAll(".table-wrap")].map((wrap) => wrap.scrollLeft);
    this.content.innerHTML = html;
    for (const [index, fold] of this.content.querySelectorAll("details").entries())
      fold.open = folds[index] ?? fold.open;
    for (const [index, wrap] of this.content.querySelectorAll(".table-wrap").entries())
      wrap.scrollLeft = scroll[index] ?? 0;
    this.dispatch("done", {});
  }
}
