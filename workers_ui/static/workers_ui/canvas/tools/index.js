/* The drawing tools: one line each. A tool says everything of its shape in the browser.
 *
 *   name, noun         as on the wire; {one, many}
 *   icon, key          path data in a square of 24 by 24, and the key that chooses it in a project with several tools
 *   hint, coarseHint   how to begin, by mouse and by finger: "Drag across an object"
 *   placeLabel         what its button does, and N on the keyboard: "New box in the center"
 *   keys               [[keys, what they do]] that only this tool has
 *   closed, crisp      whether its lines are rings; whether they are upright, and drawn on whole pixels
 *   pressStarts        whether a press on an empty place begins an object, as a drag always does
 *   parts(geom)        what is drawn: see ../outlines.js
 *   identity(geom)     a text that is the same for equal geometries, whatever the server's order of points
 *   describe(geom)     its size in words
 *   problem(geom, frame)  why it cannot be saved, in a sentence, or null
 *   move(geom, dx, dy, frame), resize(geom, dx, dy, frame)   by keyboard; they stop at the image's edges
 *   handles(geom, gap)    [{id, x, y, kind, cursor}] to draw; those between others only where `gap` image pixels are free
 *   handleAt(geom, point, reach)          the handle under a pointer, or null
 *   dragHandle(geom, id, dx, dy, frame)   the geometry while a handle is dragged
 *   points             null, or what edits single points: see vertices.js
 *   place(canvas)      begins or adds an object by keyboard or button
 *   sketch(canvas)     an object that is being drawn: see sketch.js
 *
 * `frame` is {width, height} of the image. Geometries are never changed, only replaced.
 */

import { box } from "./box.js";
import { polygon } from "./polygon.js";
import { polyline } from "./polyline.js";

const TOOLS = [box, polygon, polyline];
const byName = new Map(TOOLS.map((tool) => [tool.name, tool]));

/** The tool of this name, or null if this page does not have it. */
export function toolNamed(name) {
  return byName.get(name) ?? null;
}

/** The drawing tools of a schema, in its order; other tools, as that of the image's class, are left out. */
export function drawingTools({ tools }) {
  return tools.map(toolNamed).filter((tool) => tool !== null);
}

/** A part of the image, {x, y, w, h}, as an overlay. */
export function regionOverlay(region, label) {
  return { tool: box.name, geom: region, label, tone: "removed" };
}

/** The word for objects of these tools: "box", "boxes", or "object", "objects" for several tools. */
export function nounOf(tools) {
  const [first, ...others] = new Set(tools);
  return first && others.length === 0 ? first.noun : { one: "object", many: "objects" };
}

/** Objects in words, like the server's: "3 boxes", "2 boxes and 1 polygon". */
export function countObjects(objects) {
  const counts = new Map();
  for (const { tool } of objects) counts.set(tool, (counts.get(tool) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => {
      const { one, many } = nounOf([toolNamed(name)]);
      return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
    })
    .join(" and ");
}

/** A noun with its article: "a box", "an object". */
export function withArticle({ one }) {
  return `${/^[aeiou]/.test(one) ? "an" : "a"} ${one}`;
}
