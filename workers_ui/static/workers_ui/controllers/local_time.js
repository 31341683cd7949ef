/* <time datetime="2026-03-01T12:00:00Z" data-controller="local-time">: shows the reader's local time, with the time zone in the title.
 * data-local-time-style: "date" for the date only, "clock" for the time only, plus the date unless it is today, "day" for
 * the time and the day in words if it is near: today 18:00, tomorrow 9:30. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    const moment = new Date(this.element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    this.element.textContent = this.value("style") === "day" ? nearby(moment) : format(moment, this.style(moment));
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.element.title = `${moment.toLocaleString()} (${zone}), ${moment.toISOString()} in UTC`;
  }

  style(moment) {
    if (this.value("style") === "date") return { dateStyle: "medium" };
    if (this.value("style") !== "clock") return { dateStyle: "medium", timeStyle: "short" };
    const today = moment.toDateString() === new Date().toDateString();
    return { hour: "numeric", minute: "2-digit", ...(today ? {} : { month: "short", day: "numeric" }) };
  }
}

const format = (moment, style) =>
  new Intl.DateTimeFormat(document.documentElement.lang || undefined, style).format(moment);

function nearby(moment) {
  const clock = { hour: "numeric", minute: "2-digit" };
  const day = new Date();
  for (const word of ["today", "tomorrow"]) {
    if (moment.toDateString() === day.toDateString()) return `${word} ${format(moment, clock)}`;
    day.setDate(day.getDate() + 1);
  }
  const year = moment.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return format(moment, { month: "short", day: "numeric", ...year, ...clock });
}
