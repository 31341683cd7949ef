/* All images of a set at a glance: a thumbnail each, with its objects and answer. */

import { formOf } from "../canvas/forms.js";
import { pathData } from "../canvas/outlines.js";
import { looksOf } from "../canvas/palette.js";
import { describe } from "./answer.js";

const SVG = "http://www.w3.org/2000/svg";

/** Fills a list with one button per image; pressing one calls `choose(index)`. */
export function fillOverview(list, { set, question, images, isStarted, refused, choose }) {
  const looks = looksOf(question.classes);
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
    button.append(thumbnail(item), name);
    button.addEventListener("click", () => choose(index));
    const row = document.createElement("li");
    row.append(button);
    return row;
  }

  function stateOf(item) {
    if (refused.has(item.id)) return ["bad", "Not accepted. Answer again."];
    if (item.state === "skipped") return ["skipped", "Skipped"];
    if (isStarted(item)) return ["warn", item.answer ? "Changed, not saved" : "Started, not saved"];
    if (item.answer) return ["", describe(item.answer, question.classes)];
    if (item.state === "released") return ["skipped", "Returned"];
    return ["warn", item.correction ? "To correct" : "No answer yet"];
  }

  function thumbnail(item) {
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
    for (const object of (item.answer?.objects ?? []).filter((each) => formOf(each) !== null)) {
      for (const layerClass of ["under", "line"]) layer.append(outline(object, layerClass));
    }
    return layer;
  }

  function outline(object, layerClass) {
    const shape = document.createElementNS(SVG, "path");
    const { parts, tool } = formOf(object);
    shape.setAttribute("d", pathData(parts, tool.closed));
    shape.setAttribute("class", layerClass);
    const look =
      looks[
        Math.max(
          0,
          question.classes.findIndex((item) => item.id === object.class),
        )
      ];
    if (layerClass !== "line" || !look) return shape;
    shape.dataset.label = look.label;
    if (look.color) shape.style.stroke = look.color;
    shape.setAttribute("stroke-dasharray", look.dash.join(" "));
    return shape;
  }
}
