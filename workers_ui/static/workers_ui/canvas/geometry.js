/* Pure geometry of points, of upright bounds and of the view. No DOM.
 *
 * Image frame: upright full-resolution pixels, origin at the outer corner of the first pixel, x right, y down.
 * Screen frame: CSS pixels from the canvas element's top left corner.
 * Bounds are {x, y, w, h}; a view is {scale, x, y} with screen = image * scale + (x, y).
 */

export const DECIMALS = 2;
const PRECISION = 10 ** DECIMALS;

export function round(value) {
  return Math.round(value * PRECISION) / PRECISION;
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** Whether a point lies in bounds that are widened by `margin`. */
export function contains(bounds, point, margin = 0) {
  return (
    point.x >= bounds.x - margin &&
    point.x <= bounds.x + bounds.w + margin &&
    point.y >= bounds.y - margin &&
    point.y <= bounds.y + bounds.h + margin
  );
}

export function toImage(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

export function toScreen(view, point) {
  return { x: point.x * view.scale + view.x, y: point.y * view.scale + view.y };
}

export function boundsToScreen(view, bounds) {
  const corner = toScreen(view, bounds);
  return { x: corner.x, y: corner.y, w: bounds.w * view.scale, h: bounds.h * view.scale };
}

/** The part of an image of width by height that is on the screen, or all of it if none is. */
export function visiblePart(view, screen, width, height) {
  const a = toImage(view, { x: 0, y: 0 });
  const b = toImage(view, { x: screen.width, y: screen.height });
  const [x, y] = [clamp(a.x, 0, width), clamp(a.y, 0, height)];
  const [w, h] = [clamp(b.x, 0, width) - x, clamp(b.y, 0, height) - y];
  return w > 0 && h > 0 ? { x, y, w, h } : { x: 0, y: 0, w: width, h: height };
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
