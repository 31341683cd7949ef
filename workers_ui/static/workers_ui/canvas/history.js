/* Undo and redo over whole states. States are never mutated, so the history holds references only. */

const LIMIT = 200;

export class History {
  constructor(state) {
    this.reset(state);
  }

  reset(state, past = []) {
    this.past = past;
    this.present = state;
    this.future = [];
  }

  /** Records a new state. Steps of one gesture or one run of key presses share a `run` and are undone together. */
  push(state, run = null) {
    if (run === null || run !== this.run) this.past.push(this.present);
    if (this.past.length > LIMIT) this.past.shift();
    this.run = run;
    this.present = state;
    this.future = [];
  }

  undo() {
    return this.step(this.past, this.future);
  }

  redo() {
    return this.step(this.future, this.past);
  }

  step(from, to) {
    if (from.length === 0) return false;
    to.push(this.present);
    this.present = from.pop();
    this.run = null;
    return true;
  }
}
