/* What is drawn but not saved yet, kept on the device so that a reload loses nothing. One entry an image. */

const PREFIX = "annotary-draft:";

export class Drafts {
  get(id) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + id));
    } catch {
      return null; // storage forbidden, or written by an older version of this page
    }
  }

  put(id, draft) {
    try {
      localStorage.setItem(PREFIX + id, JSON.stringify(draft));
    } catch {
      this.full = true; // the drawing is still on the page, and saving it goes another way
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
