/* Pure geometry of boxes and of the view. No DOM.
 *
 * Image frame: upright full-resolution pixels, origin at the outer corner of the first pixel, x right, y down.
 * Screen frame: CSS pixels from the canvas element's top left corner.
 * A box is {x, y, w, h} in the image frame; a view is {scale, x, y} with screen = image * scale + (x, y).
 */

export const DECIMALS = 2;
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const PRECISION = 10 ** DECIMALS;

export function round(value) {
  return Math.round(value * PRECISION) / PRECISION;
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

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

export function contains(box, point, margin = 0) {
  return (
    point.x >= box.x - margin &&
    point.x <= box.x + box.w + margin &&
    point.y >= box.y - margin &&
    point.y <= box.y + box.h + margin
  );
}

/** Whether a point lies within `reach` of the box's outline. */
export function onEdge(box, point, reach) {
  const inner = { x: box.x + reach, y: box.y + reach, w: box.w - 2 * reach, h: box.h - 2 * reach };
  const hollow = inner.w > 0 && inner.h > 0;
  return contains(box, point, reach) && !(hollow && contains(inner, point));
}

/** The smallest box under a point, from an array of {id, box}, so that nested boxes stay reachable. */
export function smallestAt(items, point, margin = 0) {
  let best = null;
  for (const item of items) {
    if (contains(item.box, point, margin) && (best === null || area(item.box) < area(best.box))) best = item;
  }
  return best;
}

export function area(box) {
  return box.w * box.h;
}

/** A box a fifth the size of the visible part of the image, in its center. */
export function centeredBox(view, screen, width, height) {
  const a = toImage(view, { x: 0, y: 0 });
  const b = toImage(view, { x: screen.width, y: screen.height });
  const seen = boxBetween(a, b, width, height) ?? { x: 0, y: 0, w: width, h: height };
  const w = Math.max(1, Math.round(seen.w / 5));
  const h = Math.max(1, Math.round(seen.h / 5));
  const x = Math.round(seen.x + (seen.w - w) / 2);
  const y = Math.round(seen.y + (seen.h - h) / 2);
  return { x: clamp(x, 0, width - w), y: clamp(y, 0, height - h), w, h };
}

export function toImage(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

export function toScreen(view, point) {
  return { x: point.x * view.scale + view.x, y: point.y * view.scale + view.y };
}

export function boxToScreen(view, box) {
  const corner = toScreen(view, box);
  return { x: corner.x, y: corner.y, w: box.w * view.scale, h: box.h * view.scale };
}

/** The view that shows the whole image, centered, with a margin of `margin` CSS pixels. */
export function fitView(width, height, screen, margin = 8) {
  const roomX = Math.max(1, screen.width - 2 * margin);
  const roomY = Math.max(1, screen.height - 2 * margin);
  const scale = Math.min(roomX / width, roomY / height);
  return { scale, x: (screen.width - width * scale) / 2, y: (screen.height - height * scale) / 2 };
}

/** Zooms by a factor around a screen point, between `min` and `max` screen pixels per image pixel. */
export function zoomAt(view, point, factor, min, max) {
  const scale = clamp(view.scale * factor, min, max);
  const ratio = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio };
}

/** Moves the view back so the image cannot be lost: centered when it fits, else covering the middle of the screen. */
export function keepInView(view, width, height, screen) {
  return {
    scale: view.scale,
    x: clampAxis(view.x, width * view.scale, screen.width),
    y: clampAxis(view.y, height * view.scale, screen.height),
  };
}

function clampAxis(offset, size, room) {
  if (size <= room) return (room - size) / 2;
  return clamp(offset, room / 2 - size, room / 2);
}

/** Intersection over union of two boxes, 0 to 1. */
export function iou(a, b) {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  if (w <= 0 || h <= 0) return 0;
  return (w * h) / (area(a) + area(b) - w * h);
}
