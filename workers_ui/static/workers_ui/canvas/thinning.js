/* Fewer points for objects of many, as those made from several people's answers have: reviewers correct them point by
 * point. Workers draw theirs, so their page is without it. */

import { boundsOf, simplify } from "./outlines.js";
import { pointsOf } from "./tools/points.js";
import { countPoints } from "./wording.js";

/* With more points than this, an object is tedious to correct. */
const MANY = 16;
/* How far an outline may move to have fewer points: shares of its longer side, and at least a pixel. The first that
 * leaves out a worthwhile part of the points is taken. */
const THINNED = [0.01, 0.02, 0.04];
const WORTHWHILE = 0.75;

export class Thinning {
  from = null;
  to = null;

  /** Buttons on the image for the selected object: see action_bar.js. */
  actions(points) {
    const thinner = this.thinnerOf(points);
    if (!thinner) return [];
    const text = `Fewer points, within ${thinner.tolerance} px`;
    return [{ label: text, text, run: () => this.apply(points, thinner) }];
  }

  /** The selected object with fewer points, or null. Kept until it changes. */
  thinnerOf(points) {
    const geom = points.editing ? points.selection.object.geom : null;
    if (geom !== this.from) {
      this.from = geom;
      this.to = geom && points.list.length > MANY ? thin(geom, points.editing.own) : null;
    }
    return this.to;
  }

  apply(points, thinner) {
    const { annotator, list, selection } = points;
    if (annotator.reshape(selection.id, thinner.geom))
      annotator.say(`${countPoints(points.list.length)} left of ${list.length.toLocaleString("en-US")}.`);
  }
}

/** Fewer points along nearly the same lines: {geom, tolerance}, with how far these may have moved in whole pixels; null
 * if hardly any point can go. A line that would have too few points stays. */
export function thin(geom, { closed, least, parts, geomOf, problem }) {
  const { w, h } = boundsOf(parts(geom));
  const most = WORTHWHILE * pointsOf(parts(geom)).length;
  const thinned = (line, tolerance) => {
    const left = closed ? simplifyRing(line, tolerance) : simplify(line, tolerance);
    return left.length < least ? line : left;
  };
  for (const share of THINNED) {
    const tolerance = Math.max(1, Math.round(share * Math.max(w, h)));
    const thinner = geomOf(parts(geom).map((lines) => lines.map((line) => thinned(line, tolerance))));
    if (pointsOf(parts(thinner)).length <= most && !problem(thinner)) return { geom: thinner, tolerance };
  }
  return null;
}

/** As `simplify`, for a ring: its first point stays, and the one that is farthest from it. */
export function simplifyRing(ring, tolerance) {
  const [[x, y]] = ring;
  const distances = ring.map(([px, py]) => Math.hypot(px - x, py - y));
  const far = distances.indexOf(Math.max(...distances));
  const [there, back] = [ring.slice(0, far + 1), [...ring.slice(far), ring[0]]];
  return [...simplify(there, tolerance), ...simplify(back, tolerance).slice(1, -1)];
}
