/* Light or dark: a stored choice overrides the system's (theme_early.js applies it before the first paint). */

import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.system = window.matchMedia("(prefers-color-scheme: dark)");
    this.listen(this.system, "change", () => this.show());
    this.show();
  }

  get dark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : this.system.matches;
  }

  toggle() {
    const next = this.dark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Storage may be blocked (private windows); the choice then lasts for this page only.
      this.element.dataset.notStored = "true";
    }
    this.show();
  }

  show() {
    this.element.setAttribute("aria-label", this.dark ? "Switch to the light theme" : "Switch to the dark theme");
    for (const icon of this.targets("icon"))
      icon.toggleAttribute("hidden", (icon.dataset.for === "dark") !== this.dark);
  }
}
