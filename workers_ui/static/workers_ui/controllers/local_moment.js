/* A form with <input type="datetime-local" data-local-moment-target="shown"> in the reader's time zone, and a hidden
 * field (target "sent") that holds the same moment in UTC. The part "zone" names the zone. */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    const [shown, sent] = [this.target("shown"), this.target("sent")];
    const moment = new Date(sent.value);
    if (!shown.value && !Number.isNaN(moment.getTime())) shown.value = localText(moment);
    this.target("zone").textContent = `Your local time (${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
    this.listen(shown, "input", () => this.copy(shown, sent));
    // The time may have been chosen while this module was loading.
    this.listen(this.element, "submit", () => this.copy(shown, sent));
  }

  copy(shown, sent) {
    sent.value = shown.value ? new Date(shown.value).toISOString() : "";
  }
}

function localText(moment) {
  const local = new Date(moment.getTime() - 60_000 * moment.getTimezoneOffset());
  return local.toISOString().slice(0, 16);
}
