/* The page of practice or an exam: the set page, with answers that are sent one by one. It is registered as "set",
 * so that it has that page's parts and styles.
 *   <div data-controller="set dialog" data-set-url="/api/v1/attempts/.../" data-set-done="/work/..." data-set-now="...">
 * In practice each answer is explained before the next image; an exam says nothing until it is over. */

import { callApi } from "../lib/api.js";
import { quiet } from "../lib/quiet.js";
import { describe } from "./answer.js";
import { AttemptState } from "./attempt_state.js";
import { SetClock } from "./clock.js";
import SetController from "./set_controller.js";

/** Nothing waits on the device: an answer is saved once the server has it. */
class NoQueue {
  waiting = new Map();
  refused = new Map();

  async refresh() {}

  async flush() {}
}

export default class extends SetController {
  makeQueue() {
    return new NoQueue();
  }

  makeSkipSheet() {
    return null;
  }

  makeAskSheet() {
    return null;
  }

  makeState(body) {
    return new AttemptState(body);
  }

  makeClock() {
    if (!this.set.isExam) return null;
    return new SetClock({
      serverNow: this.value("now"),
      expiresAt: this.set.expiresAt,
      extendableUntil: this.set.expiresAt,
      leaseSeconds: 0,
      show: (time) => this.showTime(time),
      end: () => this.timeUp(),
    });
  }

  async fetchSet() {
    const { ok, status, body, message } = await callApi("GET", this.value("url"));
    if (!ok)
      throw new Error(
        status === 0 ? "The images did not load. Check your connection and try again. Nothing is lost." : message,
      );
    if (body.state !== "live") this.leave();
    return { ...body, assignments: body.items };
  }

  leave() {
    location.replace(this.value("done"));
  }

  show() {
    super.show();
    this.showResult();
  }

  showResult() {
    const { result } = this.set.current;
    const panel = this.target("result");
    panel.hidden = !result;
    this.surface.annotator.setOverlays(result ? overlaysOf(result, this.question.classes) : []);
    if (!result) return;
    panel.dataset.state = result.correct ? "ok" : "bad";
    this.target("verdict").textContent = result.correct ? "Right" : "Not quite";
    this.target("why").textContent = this.whyOf(result);
    this.target("explanation").textContent = result.explanation;
    this.target("explanation").hidden = result.explanation === "";
  }

  whyOf({ correct, why, right }) {
    if (correct) return "";
    const answer = `The right answer: ${describe(right, this.question.classes)}.`;
    return this.question.draws && why ? `${why} ${answer}` : answer;
  }

  showAnswer() {
    super.showAnswer();
    const isLast = !this.set.isExam && this.set.current.answer !== null && this.set.nextOpen() < 0;
    if (isLast) this.target("next").querySelector("span").textContent = "Finish practice";
  }

  async save(answer) {
    const { current } = this.set;
    await this.once(async () => {
      const seconds = this.watch.seconds;
      const sent = await callApi("PUT", `/api/v1/attempt-items/${current.id}/answer/`, { answer, seconds });
      if (sent.status === 410) this.leave();
      else if (!sent.ok) this.hint(sent.message);
      else this.saved(current, sent.body);
    });
  }

  saved(item, body) {
    item.answer = body.answer;
    item.result = body.result;
    this.forget(item);
    if (!body.result) {
      this.advance();
      return;
    }
    // What is under the pointer now leads to the next image, and the result is to be read first.
    quiet();
    this.show();
  }

  advance() {
    if (!this.set.isExam && this.set.nextOpen() < 0) this.handIn();
    else super.advance();
  }

  askWhy() {}

  submitLabel() {
    return this.set.isExam ? "Submit the exam" : "Finish practice";
  }

  overviewText(open) {
    if (!this.set.isExam) return "Go on where you left off, or finish now. You can practice again at any time.";
    if (open === 0) return "Select an image to change its answer. Once you submit, the exam is over.";
    return `${open === 1 ? "1 image has" : `${open} images have`} no answer yet, which counts as wrong.`;
  }

  showTime({ text, state }) {
    const line = this.target("time");
    line.textContent = text;
    if (state) line.dataset.state = state;
    else delete line.dataset.state;
  }

  timeUp() {
    this.notify("Time is up. We submit what you have answered.", "warn");
    this.handIn();
  }
}

/** The objects of the right answer, drawn over the worker's own. */
function overlaysOf({ right }, classes) {
  const names = new Map(classes.map(({ id, name }) => [id, name]));
  return right.objects.map(({ tool, geom, class: number }) => ({
    tool,
    geom,
    label: names.get(number) ?? "",
    tone: "agreed",
  }));
}
