/* <div data-controller="refresh" data-refresh-url="?part=board" data-refresh-on="live:event"><div data-refresh-target="content">
 * Loads the content again when one of the named events is heard on the page, and every two seconds while
 * it holds [data-refresh-busy]. Never more often than once a second, never under somebody's hands. */

import { Controller } from "./controller.js";

const LEAST = 1000;
const BUSY = 2000;

export default class extends Controller {
  connect() {
    this.last = 0;
    for (const type of (this.value("on") ?? "").split(/\s+/).filter(Boolean)) {
      this.listen(document, type, () => this.soon());
    }
    this.listen(document, "visibilitychange", () => document.visibilityState === "visible" && this.wanted && this.soon());
    this.rest();
  }

  disconnect() {
    clearTimeout(this.timer);
  }

  get content() {
    return this.target("content");
  }

  soon(wait = Math.max(50, this.last + LEAST - Date.now())) {
    this.wanted = true;
    this.timer ??= setTimeout(() => this.load(), wait);
  }

  rest() {
    if (this.content.querySelector("[data-refresh-busy]")) this.soon(BUSY);
  }

  /* A menu, a dialog or a field that somebody uses must not be replaced. */
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
      this.soon(BUSY);
      return;
    }
    this.wanted = false;
    try {
      const answer = await fetch(this.value("url"), { credentials: "same-origin", signal: this.signal });
      if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
      this.swap(await answer.text());
    } catch {
      if (this.signal.aborted) return;
      this.soon(5 * BUSY); // the page stays as it is, a little old; the live line tells of a lost connection
      return;
    }
    if (!this.wanted) this.rest();
  }

  /* Content is our own server's, rendered by the same templates as the page. */
  swap(html) {
    const folds = [...this.content.querySelectorAll("details")].map((fold) => fold.open);
    const scroll = [...this.content.querySelectorAll(".table-wrap")].map((wrap) => wrap.scrollLeft);
    this.content.innerHTML = html;
    this.content.querySelectorAll("details").forEach((fold, index) => (fold.open = folds[index] ?? fold.open));
    this.content.querySelectorAll(".table-wrap").forEach((wrap, index) => (wrap.scrollLeft = scroll[index] ?? 0));
    this.dispatch("done", {});
  }
}
