/* A round of practice or an exam, as the page knows it. Pure: no DOM, no network.
 *
 * An item is that of a set without a state of its own, with `result` once practice has explained it. */

import { SetState } from "./state.js";

export class AttemptState extends SetState {
  constructor(body) {
    super(body);
    this.isExam = body.kind === "exam";
  }

  /** An exam has one end, which nothing moves; practice has none. */
  readTime(body) {
    this.expiresAt = new Date(body.expires_at ?? 0);
  }

  isOpen(item) {
    return item.answer === null;
  }

  /** An answer in practice was explained, so it stays. */
  canAnswer(item) {
    return this.live && (this.isExam || item.answer === null);
  }

  merge(body, waiting) {
    super.merge(body, waiting);
    for (const { id, result } of body.assignments) {
      const item = this.find(id);
      if (item) item.result = result;
    }
  }
}
