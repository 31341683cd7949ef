/* The page on which a worker does a set. It stands on the same element as "outbox", which comes first:
 *   <div data-controller="outbox set" data-set-url="/api/v1/hands/..." data-set-now="server's time">
 * Targets: see set.html. Answers go to the queue on the device first; the page never waits for the network. */

import { controllerOf } from "./binder.js";
import { Controller } from "./controller.js";
import { cannotTell, emptyAnswer, labels, questionOf, sameAnswer, words } from "./set_answer.js";
import { SetClock, Stopwatch } from "./set_clock.js";
import { Drafts } from "./set_drafts.js";
import { HandIn, handInWords } from "./set_hand_in.js";
import { SetImages } from "./set_images.js";
import { bindKeys } from "./set_keys.js";
import { fillOverview } from "./set_overview.js";
import { SetQueue } from "./set_queue.js";
import { SetState } from "./set_state.js";
import { SetSurface } from "./set_surface.js";

const TIME_UP =
  "Time is up for this set. If somebody still needs your answer it counts; you are paid either way.";
const HANDED_IN = "This set is handed in, and its answers are final.";

export default class extends Controller {
  connect() {
    this.queue = new SetQueue(controllerOf(this.element, "outbox").outbox);
    this.drafts = new Drafts();
    this.watch = new Stopwatch();
    this.busy = false;
    this.handing = new HandIn({ queue: this.queue, note: this.target("handing"), form: this.target("form") });
    bindKeys(this.signal, {
      next: () => this.next(),
      back: () => this.back(),
      forward: () => this.forward(),
      empty: () => this.empty(),
      cannotTell: () => this.cannotTell(),
      skip: () => this.skip(),
      overview: () => this.toggleOverview(),
    });
    this.listen(this.element, "outbox:state", () => this.queueMoved());
    this.listen(this.element, "outbox:sent", ({ detail }) => this.sent(detail.answer));
    this.listen(window, "online", () => this.handing.goOn());
    this.listen(window, "focus", () => this.refresh());
    // A page that comes back from the browser's cache must be usable again.
    this.listen(window, "pageshow", ({ persisted }) => persisted && location.reload());
    void this.load();
  }

  disconnect() {
    for (const part of [this.surface, this.images, this.clock, this.watch]) part?.destroy();
  }

  /* The set from the server */

  async load() {
    this.showView("loading");
    try {
      const body = await this.read();
      await this.queue.look();
      this.start(body);
    } catch (problem) {
      this.target("problem").textContent = problem.message;
      this.showView("failed");
    }
  }

  async read() {
    let response;
    try {
      response = await fetch(this.value("url"), { headers: { Accept: "application/json" }, credentials: "same-origin" });
    } catch {
      throw new Error("Your set did not load. Check your connection, then try again; nothing is lost.");
    }
    if (response.ok) return response.json();
    if (response.status === 401) throw new Error("You are signed out. Reload the page and sign in; nothing is lost.");
    throw new Error("Your set did not load. Wait a moment, then try again; nothing is lost.");
  }

  start(body) {
    this.set = new SetState(body);
    this.set.merge(body, this.queue.waiting);
    this.set.goFirstOpen();
    this.question = questionOf(body.schema);
    this.images = new SetImages(this.set.items);
    this.showView("work");
    this.surface = new SetSurface({
      surface: this.target("surface"),
      imageClasses: this.target("image-classes"),
      boxClasses: this.target("box-classes"),
      list: this.target("list"),
      question: this.question,
      first: this.set.current,
      url: this.images.url(this.set.current),
    });
    this.surface.addEventListener("draw", () => this.drawn());
    this.surface.addEventListener("choose", ({ detail }) => this.chosen(detail.classId));
    this.clock = new SetClock({
      serverNow: this.value("now"),
      expiresAt: this.set.expiresAt,
      show: (time) => this.showTime(time),
      end: () => this.timeUp(),
    });
    if (!this.set.live) this.say(HANDED_IN, "");
    if (this.set.nextOpen() < 0) this.showOverview();
    else this.show();
    this.images.start();
  }

  /** What another tab or the clock of the server did meanwhile. */
  async refresh() {
    if (!this.set || this.busy || !navigator.onLine) return;
    let body;
    try {
      body = await this.read();
    } catch {
      return; // the page goes on with what it has; the line of the queue tells of the connection
    }
    await this.queue.look();
    const shown = this.set.current.answer;
    this.set.merge(body, this.queue.waiting);
    if (!this.set.live) this.say(this.clock.over ? TIME_UP : HANDED_IN, "");
    if (this.overviewOpen) this.showOverview();
    else if (this.set.current.answer !== shown && !sameAnswer(this.set.current.answer, shown)) this.show();
    else this.showProgress();
  }

  /* One image */

  show() {
    const { current } = this.set;
    const draft = this.set.canAnswer(current) ? this.drafts.get(current.id) : null;
    this.showView("work");
    this.surface.show({
      item: current,
      url: this.images.url(current),
      objects: draft?.objects ?? current.answer?.objects ?? [],
      classId: draft ? draft.classId : (current.answer?.image?.class ?? null),
      locked: !this.set.canAnswer(current),
    });
    this.watch.restart();
    this.hint("");
    this.showProgress();
    this.showState();
  }

  showState() {
    const { current } = this.set;
    const open = this.set.canAnswer(current);
    const line = this.target("answer");
    line.textContent = this.stateWords(current);
    line.hidden = line.textContent === "";
    this.element.toggleAttribute("data-locked", !open);
    for (const part of ["empty", "cannot-tell", "skip"]) {
      const button = this.target(part);
      if (button) button.disabled = !open || (part === "skip" && current.answer !== null);
    }
    const verdict = current.answer?.verdict;
    this.target("empty")?.setAttribute("aria-pressed", String(verdict === "empty"));
    this.target("cannot-tell").setAttribute("aria-pressed", String(verdict === "cannot_tell"));
    this.target("back").disabled = this.set.index === 0;
    const next = this.target("next");
    next.querySelector("span").textContent = this.needsSaving() ? "Save and go on" : "Next";
  }

  stateWords(item) {
    if (item.state === "skipped") return "You skipped this image. It goes to somebody else.";
    if (item.state === "released") return "This image was given back. It goes to somebody else.";
    if (this.queue.refused.has(item.id)) return "The last answer was not accepted. Please answer again.";
    if (item.answer) return `Your answer: ${words(item.answer, this.question.classes)}`;
    return "";
  }

  showProgress() {
    const { set } = this;
    const words = `${set.index + 1} of ${set.total}`;
    if (this.target("position").textContent !== words) this.target("position").textContent = words;
    this.target("bar").max = set.total;
    this.target("bar").value = set.done;
  }

  /* Answers */

  /** Whether what is on the page is an answer that the queue does not have yet. */
  needsSaving() {
    const { current } = this.set;
    if (!this.question.draws || !this.set.canAnswer(current)) return false;
    if (current.answer === null) return true;
    return this.drafts.get(current.id) !== null;
  }

  drawn() {
    const { current } = this.set;
    this.drafts.put(current.id, { objects: this.surface.objects, classId: this.surface.classId });
    this.hint("");
    this.showState();
  }

  chosen(classId) {
    if (!this.set.canAnswer(this.set.current)) return;
    if (this.question.draws) this.drawn();
    else void this.save(labels({ classId }));
  }

  /** Save what is drawn, or go on when there is nothing to save. */
  next() {
    if (this.overviewOpen) return;
    if (!this.needsSaving()) {
      if (this.set.isOpen(this.set.current)) this.hint("Choose a class first, or say that you cannot tell.");
      else this.advance();
      return;
    }
    const { objects, classId } = this.surface;
    if (this.question.chooses && classId === null) this.hint("Choose a class for the image first.");
    else if (!this.question.chooses && objects.length === 0) this.hint("Draw a box first, or say that there is nothing to draw.");
    else void this.save(labels({ objects, classId }));
  }

  empty() {
    if (this.overviewOpen || !this.target("empty") || !this.set.canAnswer(this.set.current)) return;
    if (this.surface.objects.length > 0) this.hint("There are boxes on this image. Remove them first, then say that there is nothing.");
    else void this.save(emptyAnswer());
  }

  cannotTell() {
    if (this.overviewOpen || !this.set?.canAnswer(this.set.current)) return;
    if (this.surface.objects.length > 0) this.hint("There are boxes on this image. Remove them first, then say that you cannot tell.");
    else void this.save(cannotTell());
  }

  async save(answer) {
    const { current } = this.set;
    await this.once(async () => {
      const changed = !sameAnswer(answer, current.answer) || this.queue.refused.has(current.id);
      if (changed) await this.queue.answer(current, answer, this.watch.seconds);
      this.set.answer(current.id, answer);
      this.drafts.clear(current.id);
      this.advance();
    });
  }

  async skip() {
    if (this.overviewOpen || !this.set) return;
    const { current } = this.set;
    if (!this.set.canAnswer(current) || current.answer !== null) return;
    await this.once(async () => {
      await this.queue.skip(current);
      this.set.skip(current.id);
      this.drafts.clear(current.id);
      this.advance();
    });
  }

  /** One act at a time: a second press meanwhile is the same press. */
  async once(act) {
    if (this.busy) return;
    this.busy = true;
    try {
      await act();
    } catch {
      this.hint("This browser could not keep your answer. Free some space or leave private browsing, then try again.");
    } finally {
      this.busy = false;
    }
  }

  /* From image to image */

  advance() {
    const next = this.returning ? -1 : this.set.nextOpen();
    this.returning = false;
    if (next < 0) {
      this.showOverview();
      return;
    }
    this.set.go(next);
    this.show();
  }

  back() {
    if (!this.set) return;
    if (this.overviewOpen) this.show();
    else if (this.set.index > 0) this.go(this.set.index - 1);
  }

  forward() {
    if (this.set && !this.overviewOpen && this.set.index < this.set.total - 1) this.go(this.set.index + 1);
  }

  go(index) {
    this.set.go(index);
    this.show();
  }

  /* All images of the set */

  get overviewOpen() {
    return !this.target("overview").hidden;
  }

  toggleOverview() {
    if (!this.set) return;
    if (this.overviewOpen) this.show();
    else this.showOverview();
  }

  showOverview() {
    const { set, question, images, drafts } = this;
    const choose = (index) => {
      this.returning = set.nextOpen() < 0;
      this.go(index);
    };
    fillOverview(this.target("thumbs"), { set, question, images, drafts, refused: this.queue.refused, choose });
    const open = set.total - set.done;
    this.target("heading").textContent = open > 0 ? `${set.done} of ${set.total} done` : "Look over your answers";
    this.target("rest").textContent = this.restWords(open);
    const button = this.target("hand-in");
    button.textContent = handInWords({ answered: set.answered, open, live: set.live });
    button.classList.toggle("quiet", open > 0);
    this.target("resume").hidden = open === 0;
    this.showProgress();
    this.showView("overview");
    (open > 0 ? this.target("resume") : button).focus({ preventScroll: true });
  }

  restWords(open) {
    if (!this.set.live) return "This set is handed in.";
    if (open === 0) return "Press an image to change its answer. After handing in, answers are final.";
    return "Go on where you were. You may also hand in now: what you have answered is paid, the rest goes to somebody else.";
  }

  resume() {
    const next = this.set.isOpen(this.set.current) ? this.set.index : this.set.nextOpen();
    this.go(next < 0 ? 0 : next);
  }

  /* Handing in */

  handIn() {
    void this.handing.start();
  }

  async queueMoved() {
    await this.queue.look();
    if (this.overviewOpen && !this.handing.asked) this.showOverview();
    this.handing.goOn();
  }

  /** What the server says of a late answer is told; "Saved." is what the line of the queue says anyhow. */
  sent(answer) {
    if (this.clock?.over && answer?.message) this.say(`Time is up for this set. ${answer.message}`, "");
  }

  timeUp() {
    this.say(TIME_UP, "warn");
    // The sweep comes within seconds; the page then knows which images it took back.
    setTimeout(() => this.refresh(), 20000);
  }

  /* What the page says */

  showTime({ text, state }) {
    const line = this.target("time");
    line.textContent = text;
    if (state) line.dataset.state = state;
    else delete line.dataset.state;
  }

  showView(name) {
    for (const view of ["loading", "failed", "work", "overview"]) this.target(view).hidden = view !== name;
  }

  say(text, state) {
    const notice = this.target("notice");
    notice.hidden = false;
    if (state) notice.dataset.state = state;
    else delete notice.dataset.state;
    notice.querySelector("p").textContent = text;
  }

  hint(text) {
    const line = this.target("hint");
    line.textContent = text;
    line.hidden = text === "";
  }

  tool(event) {
    this.surface.use(event.currentTarget);
  }
}
