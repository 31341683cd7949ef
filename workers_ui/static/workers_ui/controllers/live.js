/* <section data-controller="live" data-live-url="/ws/projects/..."> dispatches on itself:
 * "live:snapshot" {number, data}, "live:event" {kind, data, delta, count} and the same again as "live:KIND"; and
 * "live:again" with each snapshot that shows missed events: each but the first, and the first if its number is not
 * data-live-number, that of the page.
 * Its state is in data-live-state and, as text, in the target "state" (a .sync-line). */

import { Controller } from "../lib/controller.js";
import { LiveStream, socketUrl } from "../lib/live_stream.js";

const STATE_TEXT = {
  connecting: ["busy", "Connecting…"],
  live: ["ok", "Live"],
  lost: ["warn", "Connection lost. Reconnecting… The figures may be out of date."],
  refused: ["bad", "Live updates have stopped. Reload the page. You may have to sign in again."],
};

export default class extends Controller {
  connect() {
    this.stream = new LiveStream(socketUrl(this.value("url")));
    this.stream.addEventListener("state", ({ detail }) => this.show(detail.state));
    this.stream.addEventListener("snapshot", ({ detail }) => {
      this.dispatch("snapshot", detail);
      const shown = this.value("number");
      if (this.started || (shown && Number(shown) !== detail.number)) this.dispatch("again", detail);
      this.started = true;
    });
    this.stream.addEventListener("event", ({ detail }) => {
      this.dispatch("event", detail);
      this.dispatch(detail.kind, detail);
    });
    this.stream.start();
  }

  disconnect() {
    this.stream.stop();
  }

  show(state) {
    this.element.setAttribute("data-live-state", state);
    const line = this.target("state");
    if (!line) return;
    const [tone, text] = STATE_TEXT[state];
    line.dataset.state = tone;
    line.textContent = text;
  }
}
