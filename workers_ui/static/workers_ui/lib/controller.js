/* Base class of the controllers. Each file exports one small controller as its default.
 *
 *   <div data-controller="copy"><input data-copy-target="source"><button data-copy-action="click:copy">Copy</button></div>
 *
 * data-NAME-target marks a part, data-NAME-action="event:method" calls a method, data-NAME-KEY holds a value. */

export class Controller {
  constructor(element, name) {
    this.element = element;
    this.name = name;
    this.abort = new AbortController();
  }

  get signal() {
    return this.abort.signal;
  }

  connect() {}

  disconnect() {}

  target(part) {
    return this.element.querySelector(`[data-${this.name}-target~="${part}"]`);
  }

  targets(part) {
    return [...this.element.querySelectorAll(`[data-${this.name}-target~="${part}"]`)];
  }

  /** The value of data-NAME-KEY on the element, or null. */
  value(key) {
    return this.element.getAttribute(`data-${this.name}-${key}`);
  }

  /** Parses the JSON of the script element whose id is in data-NAME-KEY (see Django's json_script). */
  json(key) {
    const id = this.value(key);
    const source = id ? document.getElementById(id) : null;
    return source ? JSON.parse(source.textContent) : null;
  }

  listen(target, type, handler) {
    target.addEventListener(type, handler, { signal: this.signal });
  }

  dispatch(type, detail) {
    this.element.dispatchEvent(new CustomEvent(`${this.name}:${type}`, { bubbles: true, detail }));
  }
}
