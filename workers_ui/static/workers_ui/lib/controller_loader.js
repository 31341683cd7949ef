/* Connects controllers as elements enter and leave the page (first load, htmx swaps, dialogs). */

const connected = new WeakMap();

export function start(root, registry) {
  const observer = new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.removedNodes) forEachController(node, disconnect);
      for (const node of record.addedNodes) forEachController(node, (element) => connect(element, registry));
    }
  });
  observer.observe(root, { childList: true, subtree: true });
  forEachController(root, (element) => connect(element, registry));
}

/** An element's connected controller, for code that must call it; null until its module is loaded. */
export function controllerOf(element, name) {
  return connected.get(element)?.get(name) ?? null;
}

function forEachController(node, action) {
  if (!(node instanceof Element)) return;
  if (node.hasAttribute("data-controller")) action(node);
  for (const element of node.querySelectorAll("[data-controller]")) action(element);
}

async function connect(element, registry) {
  if (connected.has(element)) return;
  const controllers = new Map();
  connected.set(element, controllers);
  for (const name of element.getAttribute("data-controller").split(/\s+/).filter(Boolean)) {
    const load = registry[name];
    if (!load) {
      console.error(`No controller is named "${name}": add it to registry.js.`);
      continue;
    }
    const { default: ControllerClass } = await load();
    // The element may have left the page while its module was loading.
    if (connected.get(element) !== controllers || !element.isConnected) return;
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
