/* Connects controllers to elements as they come and go (first load, htmx swaps, dialogs). */

const bound = new WeakMap();

export function bind(root, registry) {
  const watcher = new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.removedNodes) each(node, disconnect);
      for (const node of record.addedNodes) each(node, (element) => connect(element, registry));
    }
  });
  watcher.observe(root, { childList: true, subtree: true });
  each(root, (element) => connect(element, registry));
}

/** The connected controller of an element, for pages that must talk to one; null until its module is loaded. */
export function controllerOf(element, name) {
  return bound.get(element)?.get(name) ?? null;
}

function each(node, action) {
  if (!(node instanceof Element)) return;
  if (node.hasAttribute("data-controller")) action(node);
  for (const element of node.querySelectorAll("[data-controller]")) action(element);
}

async function connect(element, registry) {
  if (bound.has(element)) return;
  const controllers = new Map();
  bound.set(element, controllers);
  for (const name of element.getAttribute("data-controller").split(/\s+/).filter(Boolean)) {
    const load = registry[name];
    if (!load) {
      console.error(`No controller is named "${name}": add it to registry.js.`);
      continue;
    }
    const { default: Kind } = await load();
    // The element may have left the page while its module was on the way.
    if (bound.get(element) !== controllers || !element.isConnected) return;
    const controller = new Kind(element, name);
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
  // A moved element is removed and added in one go; it keeps its controllers.
  if (element.isConnected) return;
  for (const controller of bound.get(element)?.values() ?? []) {
    controller.abort.abort();
    controller.disconnect();
  }
  bound.delete(element);
}
