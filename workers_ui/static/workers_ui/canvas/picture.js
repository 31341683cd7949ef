/* Loads the image and says how that goes: waiting, there, or failed with a way to try again. */

export class Picture {
  constructor(element, onLoad) {
    this.element = element;
    this.onLoad = onLoad;
    this.message = document.createElement("div");
    this.message.className = "box-canvas-message";
    element.append(this.message);
  }

  load(url) {
    const image = new Image();
    this.current = image;
    image.decoding = "async";
    this.say("Loading the image …");
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
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => this.load(url));
    this.say("The image did not load. Check your connection, then try again.", again);
    this.element.dispatchEvent(new CustomEvent("boxcanvas:imagefailed", { bubbles: true, detail: { url } }));
  }
}
