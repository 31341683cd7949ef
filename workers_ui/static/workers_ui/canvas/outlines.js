/* Pure geometry of what is drawn of an object: parts, each a list of lines, each a list of points [x, y] in the image
 * frame. The lines of a closed shape are rings, closed implicitly: a part is filled by the even-odd rule, and the object
 * is the union of its parts. */

/** @returns {{x, y, w, h}} the smallest upright rectangle around all points. */
export function boundsOf(parts) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of parts.flat(2)) {
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return { x: left, y: top, w: right - left, h: bottom - top };
}

/** The area of a ring in square pixels, positive for one that runs clockwise on the screen. */
export function signedArea(ring) {
  let sum = 0;
  for (let at = 0; at < ring.length; at += 1) {
    const [[x, y], [nextX, nextY]] = [ring[at], ring[(at + 1) % ring.length]];
    sum += x * nextY - y * nextX;
  }
  return sum / 2;
}

/** The area of closed parts in square pixels: outer rings without their holes. */
export function areaOf(parts) {
  return parts.reduce(
    (sum, [outer, ...holes]) => sum + holes.reduce((rest, hole) => rest - size(hole), size(outer)),
    0,
  );
}

function size(ring) {
  return Math.abs(signedArea(ring));
}

/** The edges of a line as pairs of points, with the one that closes a ring. */
export function edgesOf(line, closed) {
  const count = closed ? line.length : line.length - 1;
  return Array.from({ length: count }, (_, at) => [line[at], line[(at + 1) % line.length]]);
}

/** Whether a point {x, y} lies inside closed parts. */
export function isInside(parts, point) {
  return parts.some((rings) => rings.filter((ring) => crossesOddly(ring, point)).length % 2 === 1);
}

function crossesOddly(ring, { x, y }) {
  let odd = false;
  for (const [[ax, ay], [bx, by]] of edgesOf(ring, true)) {
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

/** The distance in image pixels of a point {x, y} from the nearest line. */
export function distanceTo(parts, closed, point) {
  return nearestEdge(parts, closed, point)?.distance ?? Infinity;
}

/** The edge nearest to a point {x, y}: {part, line, at, distance, point}; `at` is the index of its first end, `point`
 * the nearest place on it. */
export function nearestEdge(parts, closed, point) {
  let best = null;
  parts.forEach((lines, part) => {
    lines.forEach((line, number) => {
      edgesOf(line, closed).forEach((edge, at) => {
        const place = nearestOn(edge, point);
        const distance = Math.hypot(place[0] - point.x, place[1] - point.y);
        if (best === null || distance < best.distance) best = { part, line: number, at, distance, point: place };
      });
    });
  });
  return best;
}

function nearestOn([[ax, ay], [bx, by]], { x, y }) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
  return [ax + share * dx, ay + share * dy];
}

/** The parts as the path data of an SVG element. */
export function pathData(parts, closed) {
  return parts
    .flat()
    .map((line) => `M${line.map((point) => point.join(" ")).join("L")}${closed ? "z" : ""}`)
    .join("");
}

/** Fewer points along nearly the same line: each that is left out lies within `tolerance` of it (Ramer, Douglas and
 * Peucker). The ends stay. */
export function simplify(points, tolerance) {
  const kept = new Set([0, points.length - 1]);
  const open = [[0, points.length - 1]];
  while (open.length > 0) {
    const [first, last] = open.pop();
    let [far, farthest] = [-1, tolerance];
    for (let at = first + 1; at < last; at += 1) {
      const place = nearestOn([points[first], points[last]], { x: points[at][0], y: points[at][1] });
      const distance = Math.hypot(place[0] - points[at][0], place[1] - points[at][1]);
      if (distance > farthest) [far, farthest] = [at, distance];
    }
    if (far < 0) continue;
    kept.add(far);
    open.push([first, far], [far, last]);
  }
  return points.filter((_, at) => kept.has(at));
}

/** Whether two edges cross in a point that is an end of neither. */
export function cross([a, b], [c, d]) {
  return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

function turn([ax, ay], [bx, by], [cx, cy]) {
  return Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));
}

/** Whether a ring encloses an area; its loops may cancel out, as those of a figure eight do. */
export function enclosesArea(ring) {
  if (Math.abs(signedArea(ring)) > 1e-6) return true;
  const edges = edgesOf(ring, true);
  return edges.some((edge, at) => edges.slice(at + 1).some((other) => cross(edge, other)));
}

/** The same list of points for every direction and first point of a ring: the server chooses its own. */
export function unturned(ring) {
  const points = ring.filter(([x, y], at) => x !== ring.at(at - 1)[0] || y !== ring.at(at - 1)[1]);
  if (points.length === 0) return ring.slice(0, 1);
  const [forward, backward] = [fromTheTop(points), fromTheTop(points.toReversed())];
  return precedes(backward, forward) ? backward : forward;
}

/* From the topmost point, of several the leftmost, which an outline that touches itself may pass several times. */
function fromTheTop(points) {
  let best = points;
  for (let at = 1; at < points.length; at += 1) {
    const [[x, y], [bestX, bestY]] = [points[at], best[0]];
    if (y > bestY || (y === bestY && x > bestX)) continue;
    const turned = [...points.slice(at), ...points.slice(0, at)];
    if (y < bestY || x < bestX || precedes(turned, best)) best = turned;
  }
  return best;
}

/* Whether one list of points comes before another of the same length. */
function precedes(a, b) {
  const [one, other] = [a.flat(), b.flat()];
  const at = one.findIndex((value, index) => value !== other[index]);
  return at >= 0 && one[at] < other[at];
}
