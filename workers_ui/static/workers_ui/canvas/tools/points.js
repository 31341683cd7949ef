/* Single points of an object's parts: each has an id "part.line.index". Pure; `least` is the fewest points of a line. */

import { clamp, round } from "../geometry.js";
import { boundsOf, edgesOf } from "../outlines.js";

/** All points in the order of their lines: {id, x, y}. */
export function pointsOf(parts) {
  return parts.flatMap((lines, part) =>
    lines.flatMap((line, number) => line.map(([x, y], at) => ({ id: `${part}.${number}.${at}`, x, y }))),
  );
}

/** The middles of the edges that are at least `gap` pixels long: {id, x, y}; the id is "+" and that of the first end. */
export function middlesOf(parts, closed, gap) {
  return parts.flatMap((lines, part) =>
    lines.flatMap((line, number) =>
      edgesOf(line, closed)
        .map(([[ax, ay], [bx, by]], at) => ({
          id: `+${part}.${number}.${at}`,
          x: (ax + bx) / 2,
          y: (ay + by) / 2,
          length: Math.hypot(bx - ax, by - ay),
        }))
        .filter(({ length }) => length >= gap),
    ),
  );
}

function placeOf(id) {
  return id.replace("+", "").split(".").map(Number);
}

/* Parts with another line at a place; without it if `line` is null. */
function replaced(parts, part, number, line) {
  const lines = parts[part].toSpliced(number, 1, ...(line === null ? [] : [line]));
  // Without its outline, a part has nothing left to have holes in.
  const isGone = line === null && number === 0;
  return parts.toSpliced(part, 1, ...(isGone ? [] : [lines]));
}

function onImage([x, y], { width, height }) {
  return [round(clamp(x, 0, width)), round(clamp(y, 0, height))];
}

/** Parts with one point moved; it stops at the image's edges. */
export function withPointMoved(parts, id, dx, dy, frame) {
  const [part, number, at] = placeOf(id);
  const line = parts[part][number];
  const [x, y] = line[at];
  return replaced(parts, part, number, line.with(at, onImage([x + dx, y + dy], frame)));
}

/** Parts with a new point on the edge that begins at a point. */
export function withPointInserted(parts, { part, line: number, at, point }, frame) {
  const [x, y] = point;
  const place = onImage([Math.round(x), Math.round(y)], frame);
  return replaced(parts, part, number, parts[part][number].toSpliced(at + 1, 0, place));
}

/** The middle of the edge after a point, as a place for `withPointInserted`; of the last edge for the end of an open line. */
export function middleAfter(parts, id, closed) {
  const [part, number, index] = placeOf(id);
  const line = parts[part][number];
  const at = closed ? index : Math.min(index, line.length - 2);
  const [[ax, ay], [bx, by]] = [line[at], line[(at + 1) % line.length]];
  return { part, line: number, at, point: [(ax + bx) / 2, (ay + by) / 2] };
}

/** The id of the point that is inserted after a point. */
export function idAfter(id) {
  const [part, number, at] = placeOf(id);
  return `${part}.${number}.${at + 1}`;
}

/** Parts without a point. A hole or a further part that would have too few points goes with it; null if the object
 * itself would. */
export function withoutPoint(parts, id, least) {
  const [part, number, at] = placeOf(id);
  const line = parts[part][number];
  if (line.length > least) return replaced(parts, part, number, line.toSpliced(at, 1));
  return number > 0 || parts.length > 1 ? replaced(parts, part, number, null) : null;
}

/** Parts moved as a whole; they stop at the image's edges. */
export function moved(parts, dx, dy, { width, height }) {
  const { x, y, w, h } = boundsOf(parts);
  const [right, down] = [clamp(dx, -x, width - x - w), clamp(dy, -y, height - y - h)];
  return mapped(parts, ([px, py]) => [px + right, py + down]);
}

/** Parts with another width and height, from the upper left corner of their bounds; at least one pixel remains. */
export function resized(parts, dx, dy, { width, height }) {
  const { x, y, w, h } = boundsOf(parts);
  const [wide, high] = [stretch(w, dx, width - x), stretch(h, dy, height - y)];
  return mapped(parts, ([px, py]) => [x + (px - x) * wide, y + (py - y) * high]);
}

function stretch(size, change, room) {
  return size === 0 ? 1 : clamp(size + change, Math.min(1, size), room) / size;
}

function mapped(parts, change) {
  return parts.map((lines) => lines.map((line) => line.map((point) => change(point).map(round))));
}
