/* Connects controllers as elements enter and leave the page (first load, refreshed parts, dialogs). */

import { watchBrokenImages } from "./broken_images.js";
import { keepPagesFresh } from "./fresh_pages.js";
import { startKeyboardAccess } from "./keyboard_access.js";

/* On the page rather than in the module, of which a page may have two copies: its bundle's and a test's. */
const KEY = Symbol.for("annotary.controllers");
const connected = globalThis[KEY] ?? new WeakMap();
globalThis[KEY] = connected;

export function start(root, registry) {
  watchBrokenImages(document);
  keepPagesFresh(window);
  startKeyboardAccess(document);
  const observer = new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.removedNodes) forEachController(node, disconnect);
      for (const node of record.addedNodes) forEachController(node, (element) => connect(element, registry));
    }
  });
  observer.observe(root, { childList: true, subtree: true });
  forEachController(root, (element) => connect(element, registry));
}

/** An element's connected controller, for code that must call it, or null. */
export function controllerOf(element, name) {
  return connected.get(element)?.get(name) ?? null;
}

function forEachController(node, action) {
  if (!(node instanceof Element)) return;
  if (node.hasAttribute("data-controller")) action(node);
  for (const element of node.querySelectorAll("[data-controller]")) action(element);
}

function connect(element, registry) {
  if (connected.has(element)) return;
  const controllers = new Map();
  connected.set(element, controllers);
  for (const name of element.getAttribute("data-controller").split(/\s+/).filter(Boolean)) {
    const ControllerClass = registry[name];
    if (!ControllerClass) {
      console.error(`This page has no controller named "${name}": add it to the page's file in entries/.`);
      continue;
    }
    const controller = new ControllerClass(element, name);
    controllers.set(name, controller);
    bindActions(controller);
    controller.connect();
    element.dispatchEvent(new CustomEvent(`${name}:connected`, { bubbles: true, detail: { controller } }));
  }
}

function bindActions(controller) {
  const attribute = `data-${controller.name}-action`;
  const elements = [...controller.element.querySelectorAll(`[${attribute}]`)];
  if (controller.element.hasAttribute(attribute)) elements.push(controller.element);
  for (const element of elements) {
    for (const action of element.getAttribute(attribute).split(/\s+/)) {
      const [type, method] = action.split(":");
      controller.listen(element, type, (event) => controller[method](event));
    }
  }
}

function disconnect(element) {
  // Moving an element removes and adds it at once; it keeps its controllers.
  if (element.isConnected) return;
  for (const controller of connected.get(element)?.values() ?? []) {
    controller.abort.abort();
    controller.disconnect();
  }
  connected.delete(element);
}
