/* Loads the image and shows its progress: loading, loaded, or failed with a retry button. A failed image is also loaded
 * again when the device is back online, and after a while: not every lost connection is noticed by the browser. */

const FIRST_WAIT = 3000;
const LONGEST_WAIT = 60000;

export class ImageLoader {
  constructor(element, onLoad) {
    this.element = element;
    this.onLoad = onLoad;
    this.message = document.createElement("div");
    this.message.className = "annotator-message";
    element.append(this.message);
    this.abort = new AbortController();
    window.addEventListener("online", () => this.failed && this.load(this.failed), { signal: this.abort.signal });
  }

  destroy() {
    this.abort.abort();
    clearTimeout(this.timer);
    this.current = null;
  }

  load(url) {
    clearTimeout(this.timer);
    if (this.failed !== url) this.attempt = 0;
    this.failed = null;
    const image = new Image();
    this.current = image;
    image.decoding = "async";
    this.say("Loading the image…");
    image.addEventListener("load", () => {
      if (this.current !== image) return;
      this.message.hidden = true;
      this.element.removeAttribute("aria-busy");
      this.onLoad(image);
    });
    image.addEventListener("error", () => {
      if (this.current === image) this.fail(url);
    });
    this.element.setAttribute("aria-busy", "true");
    image.src = url;
  }

  say(text, ...more) {
    const line = document.createElement("p");
    line.textContent = text;
    this.message.replaceChildren(line, ...more);
    this.message.hidden = false;
  }

  fail(url) {
    this.element.removeAttribute("aria-busy");
    this.failed = url;
    this.timer = setTimeout(() => this.load(url), Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.attempt));
    this.attempt += 1;
    const retry = document.createElement("button");
    retry.type = "button";
    retry.textContent = "Try again";
    retry.addEventListener("click", () => this.load(url));
    this.say("The image did not load. It loads by itself when the connection is back.", retry);
    this.element.dispatchEvent(new CustomEvent("annotator:imagefailed", { bubbles: true, detail: { url } }));
  }
}
