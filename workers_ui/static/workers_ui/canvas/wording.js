/* Words that the annotator and its tools share. */

/** A place on the image. */
export function position({ x, y }) {
  return `${Math.round(x)} from the left, ${Math.round(y)} from the top`;
}

/** A number of points in words. */
export function countPoints(count) {
  return count === 1 ? "1 point" : `${count.toLocaleString("en-US")} points`;
}

/** A word at the beginning of a sentence. */
export function capitalized(text) {
  return text[0].toUpperCase() + text.slice(1);
}
