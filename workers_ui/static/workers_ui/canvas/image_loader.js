/* Loads the image and shows its progress: loading, loaded, or failed with a retry button. */

export class ImageLoader {
  constructor(element, onLoad) {
    this.element = element;
    this.onLoad = onLoad;
    this.message = document.createElement("div");
    this.message.className = "annotator-message";
    element.append(this.message);
  }

  load(url) {
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
    const retry = document.createElement("button");
    retry.type = "button";
    retry.textContent = "Try again";
    retry.addEventListener("click", () => this.load(url));
    this.say("The image did not load. Check your connection, then try again.", retry);
    this.element.dispatchEvent(new CustomEvent("annotator:imagefailed", { bubbles: true, detail: { url } }));
  }
}
