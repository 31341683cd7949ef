/* The base of a controller: one small class a file, exported as default.
 *
 *   <div data-controller="copy"><input data-copy-target="source"><button data-copy-action="click:copy">Copy</button></div>
 *
 * data-NAME-target marks parts, data-NAME-action="event:method" calls a method, data-NAME-KEY holds a value. */

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

  /** The text of data-NAME-KEY on the element, or null. */
  value(key) {
    return this.element.getAttribute(`data-${this.name}-${key}`);
  }

  /** JSON from a <script type="application/json" id="..."> that data-NAME-KEY names (Django's json_script). */
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
