/* Pure geometry of upright boxes {x, y, w, h} in the image frame; see ../geometry.js. */

import { clamp, round } from "../geometry.js";

export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** The box between two opposite corners, clipped to an image of width by height; null if nothing remains. */
export function boxBetween(a, b, width, height) {
  const left = clamp(Math.min(a.x, b.x), 0, width);
  const top = clamp(Math.min(a.y, b.y), 0, height);
  const right = clamp(Math.max(a.x, b.x), 0, width);
  const bottom = clamp(Math.max(a.y, b.y), 0, height);
  const box = { x: round(left), y: round(top), w: round(right - left), h: round(bottom - top) };
  return box.w > 0 && box.h > 0 ? box : null;
}

/** Moves a box by (dx, dy), keeping its size and stopping at the image's edges. */
export function moveBox(box, dx, dy, width, height) {
  return {
    ...box,
    x: round(clamp(box.x + dx, 0, width - box.w)),
    y: round(clamp(box.y + dy, 0, height - box.h)),
  };
}

/** Moves one edge or corner by (dx, dy). Dragging an edge past its opposite flips the box; at least 1 px remains. */
export function resizeBox(box, handle, dx, dy, width, height) {
  let [left, top, right, bottom] = [box.x, box.y, box.x + box.w, box.y + box.h];
  if (handle.includes("w")) left = clamp(left + dx, 0, width);
  if (handle.includes("e")) right = clamp(right + dx, 0, width);
  if (handle.includes("n")) top = clamp(top + dy, 0, height);
  if (handle.includes("s")) bottom = clamp(bottom + dy, 0, height);
  [left, right] = orderEdges(left, right, width);
  [top, bottom] = orderEdges(top, bottom, height);
  return { x: round(left), y: round(top), w: round(right - left), h: round(bottom - top) };
}

function orderEdges(a, b, limit) {
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  if (high - low >= 1) return [low, high];
  const start = clamp(low, 0, Math.max(0, limit - 1));
  return [start, Math.min(limit, start + 1)];
}

/** Handle positions of a box in the image frame: {nw: {x, y}, ...}. */
export function handlePoints(box) {
  const [cx, cy] = [box.x + box.w / 2, box.y + box.h / 2];
  const [right, bottom] = [box.x + box.w, box.y + box.h];
  return {
    nw: { x: box.x, y: box.y },
    n: { x: cx, y: box.y },
    ne: { x: right, y: box.y },
    e: { x: right, y: cy },
    se: { x: right, y: bottom },
    s: { x: cx, y: bottom },
    sw: { x: box.x, y: bottom },
    w: { x: box.x, y: cy },
  };
}

/** The handle within `reach` image pixels of a point, nearest first; corners win over edges on tiny boxes. */
export function handleAt(box, point, reach) {
  const points = handlePoints(box);
  let best = null;
  let bestDistance = Infinity;
  for (const name of HANDLES) {
    const edgeOnTiny = name.length === 1 && Math.min(box.w, box.h) < 3 * reach;
    const [dx, dy] = [Math.abs(point.x - points[name].x), Math.abs(point.y - points[name].y)];
    const distance = Math.hypot(dx, dy);
    if (!edgeOnTiny && dx <= reach && dy <= reach && distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  // Leave the middle of a small box free for moving it.
  const middle = Math.abs(point.x - box.x - box.w / 2) < box.w / 6 && Math.abs(point.y - box.y - box.h / 2) < box.h / 6;
  return middle ? null : best;
}

/** A box a fifth the size of the visible part of the image, in its center. */
export function centeredBox(visible, width, height) {
  const w = Math.max(1, Math.round(visible.w / 5));
  const h = Math.max(1, Math.round(visible.h / 5));
  const x = Math.round(visible.x + (visible.w - w) / 2);
  const y = Math.round(visible.y + (visible.h - h) / 2);
  return { x: clamp(x, 0, width - w), y: clamp(y, 0, height - h), w, h };
}
