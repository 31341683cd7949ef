/* Unsaved drawings, kept on the device so that a reload loses nothing. One entry per image and kind: the answer as it is
 * drawn so far, and the object that is not finished. */

export class Drafts {
  constructor(kind) {
    this.prefix = `annotary-${kind}:`;
  }

  get(id) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + id));
    } catch {
      return null; // storage is blocked, or an older version of this page wrote the entry
    }
  }

  put(id, draft) {
    try {
      localStorage.setItem(this.prefix + id, JSON.stringify(draft));
    } catch {
      this.full = true; // the drawing is still on the page, and saving it uses the outbox
    }
  }

  clear(id) {
    try {
      localStorage.removeItem(this.prefix + id);
    } catch {
      this.full = true;
    }
  }
}
