/* What is derived from an object's geometry, once for each geometry: a geometry is never changed, only replaced. */

import { contains } from "./geometry.js";
import { areaOf, boundsOf, distanceTo, isInside } from "./outlines.js";
import { toolNamed } from "./tools/index.js";

const forms = new WeakMap();

/** @param {{tool: string, geom: object}} drawn an object or an overlay
 * @returns {{tool, parts, bounds, area, highest, lowest} | null} null for an object of a tool that this page lacks. */
export function formOf({ tool: name, geom }) {
  const tool = toolNamed(name);
  if (tool === null) return null;
  if (!forms.has(geom)) forms.set(geom, derive(tool, geom));
  return forms.get(geom);
}

function derive(tool, geom) {
  const parts = tool.parts(geom);
  return {
    tool,
    parts,
    bounds: boundsOf(parts),
    area: tool.closed ? areaOf(parts) : 0,
    highest: extremeOf(parts, (y, best) => y < best),
    lowest: extremeOf(parts, (y, best) => y > best),
  };
}

/* The point with the most extreme y, of several the leftmost. */
function extremeOf(parts, isBeyond) {
  return parts.flat(2).reduce((best, point) => {
    const isBetter = isBeyond(point[1], best[1]) || (point[1] === best[1] && point[0] < best[0]);
    return isBetter ? point : best;
  });
}

/** Whether a point of the image lies within `reach` image pixels of an object's outline. */
export function isOnOutline(object, point, reach) {
  const { tool, parts, bounds } = formOf(object);
  return contains(bounds, point, reach) && distanceTo(parts, tool.closed, point) <= reach;
}

/** The smallest object under a point or within `reach` of it, so that nested objects stay reachable; null for none. */
export function smallestAt(objects, point, reach = 0) {
  let best = null;
  for (const object of objects) {
    const form = formOf(object);
    const isSmaller = best === null || form.area < formOf(best).area;
    if (isSmaller && contains(form.bounds, point, reach) && isUnder(form, point, reach)) best = object;
  }
  return best;
}

function isUnder({ tool, parts }, point, reach) {
  return (tool.closed && isInside(parts, point)) || distanceTo(parts, tool.closed, point) <= reach;
}
