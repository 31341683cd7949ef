/* The page on which a worker labels a set. It shares its element with "outbox", which comes first:
 *   <div data-controller="outbox set" data-set-url="/api/v1/hands/..." data-set-now="the server's time">
 * Targets: see set.html. Answers go to the outbox on the device first; the page never waits for the network. */

import { fillKeys } from "../canvas/tool_keys.js";
import { withArticle } from "../canvas/tools/index.js";
import { Controller } from "../lib/controller.js";
import { controllerOf } from "../lib/controller_loader.js";
import { quiet } from "../lib/quiet.js";
import { cannotTell, describe, emptyAnswer, labels, questionOf, sameAnswer } from "./answer.js";
import { AskSheet } from "./ask_sheet.js";
import { SetClock, Stopwatch } from "./clock.js";
import { Drafts } from "./drafts.js";
import { HandIn, handInLabel } from "./hand_in.js";
import { SetImages } from "./images.js";
import { bindKeys } from "./keys.js";
import { fillOverview } from "./overview.js";
import { SetQueue } from "./queue.js";
import { SkipSheet } from "./skip_sheet.js";
import { SetState } from "./state.js";
import { SetSurface } from "./surface.js";

const TIME_UP = "Time is up for this set. Your answers count if they are still needed. You are paid either way.";
const SUBMITTED = "This set is submitted, and its answers are final.";

export default class extends Controller {
  connect() {
    this.queue = this.makeQueue();
    this.drafts = new Drafts("draft");
    this.sketches = new Drafts("sketch");
    this.watch = new Stopwatch();
    this.busy = false;
    this.handing = new HandIn({
      queue: this.queue,
      note: this.target("handing"),
      form: this.target("form"),
      images: () => this.set.items.map(({ id }) => id),
    });
    bindKeys(this.signal, {
      next: () => this.next(),
      back: () => this.back(),
      forward: () => this.forward(),
      empty: () => this.empty(),
      cannotTell: () => this.cannotTell(),
      skip: () => this.askWhy(),
      ask: () => this.askQuestion(),
      overview: () => this.toggleOverview(),
    });
    this.listen(this.element, "outbox:state", () => this.queueChanged());
    this.skipSheet = this.makeSkipSheet();
    this.askSheet = this.makeAskSheet();
    this.listen(this.element, "outbox:sent", ({ detail }) => this.sent(detail));
    this.listen(this.element, "outbox:refused", ({ detail }) => this.timeAnswered(detail.key));
    this.listen(window, "online", () => this.handing.resume());
    this.listen(window, "focus", () => this.refresh());
    // What was typed here is no reason to keep the page, as it is on others: drafts are stored as they are made.
    this.listen(window, "pageshow", ({ persisted }) => persisted && location.reload());
    void this.load();
  }

  /* What practice and exams do differently: see attempt_controller.js. */

  makeQueue() {
    return new SetQueue(controllerOf(this.element, "outbox").outbox, this.value("url"));
  }

  makeSkipSheet() {
    return new SkipSheet(this.target("skip-sheet"), { signal: this.signal, skip: (why) => this.skip(why) });
  }

  makeAskSheet() {
    return new AskSheet(this.target("ask-sheet"), {
      signal: this.signal,
      url: this.value("url"),
      changed: () => this.showQuestion(),
    });
  }

  makeState(body) {
    return new SetState(body);
  }

  makeClock() {
    return new SetClock({
      serverNow: this.value("now"),
      expiresAt: this.set.expiresAt,
      extendableUntil: this.set.extendableUntil,
      leaseSeconds: this.set.leaseSeconds,
      show: (time) => this.showTime(time),
      end: () => this.timeUp(),
    });
  }

  disconnect() {
    for (const part of [this.surface, this.images, this.clock, this.watch]) part?.destroy();
  }

  /* Loading */

  async load() {
    this.showView("loading");
    try {
      const body = await this.fetchSet();
      await this.queue.refresh();
      this.start(body);
    } catch (error) {
      this.target("problem").textContent = error.message;
      this.showView("failed");
    }
  }

  async fetchSet() {
    let response;
    try {
      response = await fetch(this.value("url"), {
        headers: { Accept: "application/json" },
        credentials: "same-origin",
      });
    } catch {
      throw new Error("Your set did not load. Check your connection and try again. Nothing is lost.");
    }
    if (response.ok) return response.json();
    if (response.status === 401)
      throw new Error("You are signed out. Reload the page and sign in again. Nothing is lost.");
    throw new Error("Your set did not load. Wait a moment and try again. Nothing is lost.");
  }

  start(body) {
    this.set = this.makeState(body);
    this.set.merge(body, this.queue.waiting);
    this.set.goFirstOpen();
    this.question = questionOf(body.schema);
    this.keepRefused();
    this.images = new SetImages(this.set.items);
    this.showView("work");
    this.surface = new SetSurface({
      surface: this.target("surface"),
      tools: this.target("tools"),
      imageClasses: this.target("image-classes"),
      objectClasses: this.target("object-classes"),
      list: this.target("list"),
      place: this.element.querySelector("[data-tool='add']"),
      remove: this.element.querySelector("[data-tool='remove']"),
      question: this.question,
      first: this.set.current,
      url: this.images.url(this.set.current),
    });
    fillKeys(this.target("tool-keys"), this.surface.annotator.tools);
    this.surface.addEventListener("draw", () => this.drawingChanged());
    this.surface.addEventListener("sketch", () => this.sketchChanged());
    this.surface.addEventListener("choose", ({ detail }) => this.classChosen(detail.classId));
    this.clock = this.makeClock();
    if (!this.set.live) this.notify(SUBMITTED, "");
    if (this.set.nextOpen() < 0) this.showOverview();
    else this.show();
    this.images.start();
    void this.askSheet?.load();
  }

  /** Picks up what another tab or the server's clock has changed. */
  async refresh() {
    if (!this.set || this.busy || !navigator.onLine) return;
    let body;
    try {
      body = await this.fetchSet();
    } catch {
      return; // keep what is loaded; the sync line reports the connection
    }
    await this.queue.refresh();
    void this.askSheet?.load();
    const shown = this.set.current.answer;
    this.set.merge(body, this.queue.waiting);
    this.clock?.moveEnd(this.set.expiresAt);
    if (!this.set.live) this.notify(this.clock?.over ? TIME_UP : SUBMITTED, "");
    if (this.overviewOpen) this.showOverview();
    else if (this.set.current.answer !== shown && !sameAnswer(this.set.current.answer, shown)) this.show();
    else this.showProgress();
  }

  /* One image */

  show() {
    const { current } = this.set;
    const [draft, sketch] = this.set.canAnswer(current) ? this.storedOf(current) : [null, null];
    const answer = current.answer ?? this.formerOf(current);
    this.showView("work");
    this.surface.show({
      item: current,
      url: this.images.url(current),
      objects: draft?.objects ?? answer?.objects ?? [],
      sketch,
      classId: draft ? draft.classId : (answer?.image?.class ?? null),
      region: current.correction?.region ?? null,
      locked: !this.set.canAnswer(current),
    });
    this.watch.restart();
    this.hint("");
    this.showProgress();
    this.showCorrection();
    this.showAnswer();
    this.showQuestion();
  }

  /** The worker's own answer that was sent back, to begin with. Where a choice saves at once, it would look chosen. */
  formerOf({ correction }) {
    return this.question.draws ? (correction?.answer ?? null) : null;
  }

  showCorrection() {
    const { correction } = this.set.current;
    const part = this.target("correction");
    if (!part) return; // practice and exams have none
    part.hidden = !correction;
    if (!correction) return;
    this.target("wrong").textContent = correction.reason;
    const former = correction.answer ? `You answered: ${describe(correction.answer, this.question.classes)}. ` : "";
    this.target("former").textContent = `${former}You were paid for this image.`;
  }

  showAnswer() {
    const { current } = this.set;
    const open = this.set.canAnswer(current);
    const line = this.target("answer");
    line.textContent = this.answerText(current);
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
    next.querySelector("span").textContent = this.needsSaving() ? "Save and next" : "Next";
  }

  answerText(item) {
    if (item.state === "skipped") return "You skipped this image. Someone else will label it.";
    if (item.state === "released") return "This image was returned. It comes back to you in a later set.";
    if (this.queue.refused.has(item.id)) return "Your last answer was not accepted. Answer again.";
    if (item.answer) return `Your answer: ${describe(item.answer, this.question.classes)}`;
    return "";
  }

  showProgress() {
    const { set } = this;
    const position = `${set.index + 1} of ${set.total}`;
    if (this.target("position").textContent !== position) this.target("position").textContent = position;
    this.target("bar").max = set.total;
    this.target("bar").value = set.done;
  }

  /* Answers */

  /** Whether the page shows an answer that the queue does not have yet. */
  needsSaving() {
    const { current } = this.set;
    if (!this.question.draws || !this.set.canAnswer(current)) return false;
    if (current.answer === null) return true;
    return this.drafts.get(current.id) !== null;
  }

  drawingChanged() {
    const { current } = this.set;
    this.drafts.put(current.id, { objects: this.surface.objects, classId: this.surface.classId });
    this.hint("");
    this.showAnswer();
  }

  sketchChanged() {
    const { sketch } = this.surface;
    if (sketch) this.sketches.put(this.set.current.id, sketch);
    else this.sketches.clear(this.set.current.id);
  }

  /** What of an image is drawn but not saved: the answer so far, and the object that is not finished. */
  storedOf({ id }) {
    return [this.drafts.get(id), this.sketches.get(id)];
  }

  forget({ id }) {
    this.drafts.clear(id);
    this.sketches.clear(id);
  }

  classChosen(classId) {
    if (!this.set.canAnswer(this.set.current)) return;
    if (this.question.draws) this.drawingChanged();
    else void this.save(labels({ classId }));
  }

  /** Saves the drawing, or advances when there is nothing to save. */
  next() {
    if (this.overviewOpen || this.surface?.warnIfUnfinished()) return;
    if (!this.needsSaving()) {
      if (this.set.isOpen(this.set.current)) this.hint("Choose a class first, or select “I cannot tell”.");
      else this.advance();
      return;
    }
    const { objects, classId, surplus, noun } = this.surface;
    if (surplus > 0)
      this.hint(
        `This image has ${surplus} more ${surplus === 1 ? noun.one : noun.many} than an answer can hold. Remove ${surplus === 1 ? "one" : "them"} first.`,
      );
    else if (this.question.chooses && classId === null) this.hint("Choose a class for the image first.");
    else if (!this.question.chooses && objects.length === 0)
      this.hint(`Draw ${withArticle(noun)} first, or select “Nothing to draw here”.`);
    else void this.save(labels({ objects, classId }));
  }

  empty() {
    if (this.target("empty")) this.saveWithoutObjects(emptyAnswer(), "Nothing to draw here");
  }

  cannotTell() {
    this.saveWithoutObjects(cannotTell(), "I cannot tell");
  }

  saveWithoutObjects(answer, choice) {
    if (this.overviewOpen || !this.set?.canAnswer(this.set.current) || this.surface.warnIfUnfinished()) return;
    if (this.surface.objects.length > 0)
      this.hint(`This image has ${this.surface.noun.many}. Remove them before you select “${choice}”.`);
    else void this.save(answer);
  }

  async save(answer) {
    const { current } = this.set;
    if (current.answer === null && sameAnswer(answer, current.correction?.answer ?? null)) {
      this.hint("This is the answer that was sent back. Correct it, or skip the image.");
      return;
    }
    await this.once(async () => {
      const changed = !sameAnswer(answer, current.answer) || this.queue.refused.has(current.id);
      if (changed) await this.queue.answer(current, answer, this.watch.seconds);
      this.set.answer(current.id, answer);
      this.forget(current);
      this.advance();
    });
  }

  get maySkip() {
    return this.set.canAnswer(this.set.current) && this.set.current.answer === null;
  }

  askWhy() {
    if (this.overviewOpen || !this.set || this.busy || this.surface.warnIfUnfinished()) return;
    if (this.maySkip) this.skipSheet.open();
  }

  /** `why` is {reason, note}: see skip_sheet.js. */
  async skip(why) {
    const { current } = this.set;
    if (!this.maySkip) return;
    await this.once(async () => {
      await this.queue.skip(current, why);
      this.set.skip(current.id);
      this.forget(current);
      this.advance();
    });
  }

  /** Runs one action at a time; a second press meanwhile is ignored. */
  async once(action) {
    if (this.busy) return;
    this.busy = true;
    try {
      await action();
    } catch {
      this.hint(
        "This browser could not save your answer. Free up some space or leave private browsing, then try again.",
      );
    } finally {
      this.busy = false;
    }
  }

  /* Questions */

  askQuestion() {
    if (!this.overviewOpen && this.set && !this.busy) this.askSheet?.open(this.set.current);
  }

  showQuestion() {
    if (!this.set || !this.askSheet) return;
    const state = this.askSheet.stateOf(this.set.current);
    const button = this.target("ask");
    button.dataset.state = state;
    button.querySelector("span").textContent = { open: "Asked", answered: "Answered" }[state] ?? "Ask";
  }

  /* Navigation */

  advance() {
    const next = this.returning ? -1 : this.set.nextOpen();
    this.returning = false;
    // Going back and forth on purpose needs no pause.
    quiet();
    if (next < 0) {
      this.showOverview();
      return;
    }
    this.set.go(next);
    this.show();
  }

  back() {
    if (!this.set || this.surface.warnIfUnfinished()) return;
    if (this.overviewOpen) this.show();
    else if (this.set.index > 0) this.go(this.set.index - 1);
  }

  forward() {
    if (this.set && !this.overviewOpen && !this.surface.warnIfUnfinished() && this.set.index < this.set.total - 1)
      this.go(this.set.index + 1);
  }

  go(index) {
    this.set.go(index);
    this.show();
  }

  /* Overview */

  get overviewOpen() {
    return !this.target("overview").hidden;
  }

  toggleOverview() {
    if (!this.set || this.surface.warnIfUnfinished()) return;
    if (this.overviewOpen) this.show();
    else this.showOverview();
  }

  showOverview() {
    const { set, question, images } = this;
    const { refused } = this.queue;
    const isStarted = (item) => this.storedOf(item).some((stored) => stored !== null);
    const choose = (index) => {
      this.returning = set.nextOpen() < 0;
      this.go(index);
    };
    fillOverview(this.target("thumbs"), { set, question, images, isStarted, refused, choose });
    const open = set.total - set.done;
    this.target("heading").textContent = open > 0 ? `${set.done} of ${set.total} done` : "Check your answers";
    this.target("rest").textContent = this.overviewText(open);
    const button = this.target("hand-in");
    button.textContent = this.submitLabel(open);
    button.classList.toggle("quiet", open > 0);
    this.target("resume").hidden = open === 0;
    this.showProgress();
    this.showView("overview");
    (open > 0 ? this.target("resume") : button).focus({ preventScroll: true });
  }

  submitLabel(open) {
    return handInLabel({ answered: this.set.answered, open, live: this.set.live });
  }

  overviewText(open) {
    if (!this.set.live) return "This set is submitted.";
    if (open === 0) return "Select an image to change its answer. Once you submit, your answers are final.";
    return "Continue where you left off, or submit now. You are paid for what you answered, and the rest goes to other people.";
  }

  resume() {
    const next = this.set.isOpen(this.set.current) ? this.set.index : this.set.nextOpen();
    this.go(next < 0 ? 0 : next);
  }

  /* Submitting */

  handIn() {
    void this.handing.start();
  }

  /** Turns refused drawings into unsaved ones, so that a reload does not lose what the worker has drawn. */
  keepRefused() {
    if (!this.question?.draws) return;
    for (const { id } of this.set.items) {
      const answer = this.queue.refused.get(id)?.answer;
      if (answer && this.drafts.get(id) === null)
        this.drafts.put(id, { objects: answer.objects, classId: answer.image?.class ?? null });
    }
  }

  async queueChanged() {
    await this.queue.refresh();
    this.keepRefused();
    if (this.overviewOpen && !this.handing.requested) this.showOverview();
    this.handing.resume();
  }

  /** Takes over the end of the set, and shows the server's message about a late answer; for the others the sync line
   * says enough. */
  sent({ key, answer }) {
    this.timeAnswered(key);
    if (answer?.expires_at && (answer.id === this.set?.id || this.set?.find(answer.id)))
      this.clock?.moveEnd(new Date(answer.expires_at));
    if (this.clock?.over && answer?.message) this.notify(`Time is up for this set. ${answer.message}`, "");
  }

  /** Asks for more time; while offline the request waits on the device. Answers renew the time by themselves. */
  async moreTime() {
    this.target("more-time").disabled = true;
    await this.once(async () => {
      this.askedForTime = await this.queue.extend();
    });
    this.target("more-time").disabled = Boolean(this.askedForTime);
  }

  timeAnswered(key) {
    if (key !== this.askedForTime) return;
    this.askedForTime = null;
    this.target("more-time").disabled = false;
  }

  timeUp() {
    this.notify(TIME_UP, "warn");
    // The sweep runs within seconds; afterwards the server knows which images it took back.
    setTimeout(() => this.refresh(), 20000);
  }

  /* Display */

  showTime({ text, state, mayExtend }) {
    this.target("more-time").hidden = !mayExtend || !this.set.live;
    const line = this.target("time");
    line.textContent = text;
    if (state) line.dataset.state = state;
    else delete line.dataset.state;
  }

  showView(name) {
    for (const view of ["loading", "failed", "work", "overview"]) this.target(view).hidden = view !== name;
  }

  notify(text, state) {
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
