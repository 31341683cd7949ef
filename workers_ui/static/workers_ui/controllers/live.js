/* <section data-controller="live" data-live-url="/ws/projects/..."> dispatches on itself:
 * "live:snapshot" {number, data}, "live:event" {number, kind, data} and the same again as "live:KIND".
 * Its state stands in data-live-state, and in words in the target "state" (a .sync-line). */

import { Controller } from "./controller.js";
import { LiveStream, socketAddress } from "./live_stream.js";

const WORDS = {
  connecting: ["busy", "Connecting …"],
  live: ["ok", "Live"],
  lost: ["warn", "Connection lost, trying again. The figures may be old."],
  refused: ["bad", "Live figures are not available here. Reload the page, or sign in again."],
};

export default class extends Controller {
  connect() {
    this.stream = new LiveStream(socketAddress(this.value("url")));
    this.stream.addEventListener("state", ({ detail }) => this.show(detail.state));
    this.stream.addEventListener("snapshot", ({ detail }) => this.dispatch("snapshot", detail));
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
    const [tone, words] = WORDS[state];
    line.dataset.state = tone;
    line.textContent = words;
  }
}
