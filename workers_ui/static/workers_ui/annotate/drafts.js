/* Unsaved drawings, kept on the device so that a reload loses nothing. One entry per image. */

const PREFIX = "annotary-draft:";

export class Drafts {
  get(id) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + id));
    } catch {
      return null; // storage is blocked, or an older version of this page wrote the entry
    }
  }

  put(id, draft) {
    try {
      localStorage.setItem(PREFIX + id, JSON.stringify(draft));
    } catch {
      this.full = true; // the drawing is still on the page, and saving it uses the outbox
    }
  }

  clear(id) {
    try {
      localStorage.removeItem(PREFIX + id);
    } catch {
      this.full = true;
    }
  }
}
