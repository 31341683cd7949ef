/* Copies its source's text. Without clipboard access (plain HTTP on a local network) it selects the text instead. */

import { Controller } from "../lib/controller.js";
import { toast } from "../lib/notify.js";

export default class extends Controller {
  async copy() {
    const source = this.target("source");
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      toast("Copied.", "ok");
    } catch {
      if (typeof source.select === "function") source.select();
      else getSelection().selectAllChildren(source);
      toast("Text selected. Press Ctrl+C to copy.");
    }
  }
}
