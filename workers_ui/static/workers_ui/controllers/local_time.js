/* <time datetime="2026-03-01T12:00:00Z" data-controller="local-time">: the reader's own time, the zone in the title. */

import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    const moment = new Date(this.element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const style = this.value("style") === "date" ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
    this.element.textContent = new Intl.DateTimeFormat(document.documentElement.lang || undefined, style).format(moment);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.element.title = `${moment.toLocaleString()} (${zone}), ${moment.toISOString()} in UTC`;
  }
}
