/* All images of a set at a glance: a thumbnail each with its boxes and what was answered. */

import { labelIndex } from "../canvas/palette.js";
import { words } from "./set_answer.js";

const SVG = "http://www.w3.org/2000/svg";

/** Fills a list with a button an image; `choose(index)` is called when one is pressed. */
export function fillOverview(list, { set, question, images, drafts, refused, choose }) {
  list.replaceChildren(...set.items.map((item, index) => entry(item, index)));

  function entry(item, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    if (index === set.index) button.dataset.current = "true";
    const [state, text] = stateOf(item);
    if (state) button.dataset.state = state;
    const name = document.createElement("span");
    name.className = "thumb-name";
    const number = document.createElement("b");
    number.textContent = String(index + 1);
    name.append(number, ` ${text}`);
    button.append(picture(item), name);
    button.addEventListener("click", () => choose(index));
    const row = document.createElement("li");
    row.append(button);
    return row;
  }

  function stateOf(item) {
    if (refused.has(item.id)) return ["bad", "Not accepted, please look again"];
    if (item.state === "skipped") return ["skipped", "Skipped"];
    if (drafts.get(item.id)) return ["warn", item.answer ? "Changed, not saved" : "Begun, not saved"];
    if (item.answer) return ["", words(item.answer, question.classes)];
    return item.state === "released" ? ["skipped", "Given back"] : ["warn", "No answer yet"];
  }

  function picture(item) {
    const frame = document.createElement("span");
    frame.className = "thumb-frame";
    const image = document.createElement("img");
    image.src = images.url(item);
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    frame.append(image, outlines(item));
    return frame;
  }

  function outlines(item) {
    const layer = document.createElementNS(SVG, "svg");
    layer.setAttribute("viewBox", `0 0 ${item.width} ${item.height}`);
    layer.setAttribute("aria-hidden", "true");
    for (const object of item.answer?.objects ?? []) {
      for (const kind of ["under", "line"]) layer.append(outline(object, kind));
    }
    return layer;
  }

  function outline(object, kind) {
    const shape = document.createElementNS(SVG, "rect");
    const { x, y, w, h } = object.geom;
    for (const [key, value] of Object.entries({ x, y, width: w, height: h })) shape.setAttribute(key, String(value));
    shape.setAttribute("class", kind);
    const position = question.classes.findIndex((item) => item.id === object.class);
    shape.dataset.label = String(labelIndex(Math.max(0, position)));
    const own = question.classes[position]?.color;
    if (own && kind === "line") shape.style.stroke = own;
    return shape;
  }
}
