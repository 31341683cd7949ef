/* Colour and dash of a class. The colour is the class's own, which its manager chose, or else comes from the design
 * tokens by its place, so that swatches and boxes agree; classes beyond the eighth repeat the colours with another dash, and every box carries its name besides. */

export const COLOURS = 8;
const DASHES = [[], [10, 5], [3, 4], [12, 4, 3, 4]];

export function labelIndex(position) {
  return (position % COLOURS) + 1;
}

/** @returns {{colour: string, ink: string, dash: number[]}} by the class's place in the schema (0 is the first). */
export function paint(element, position, own = "") {
  const token = () => getComputedStyle(element).getPropertyValue(`--label-${labelIndex(position)}`).trim();
  const colour = own || token() || "#ffffff";
  return { colour, ink: inkOn(colour), dash: DASHES[Math.floor(position / COLOURS) % DASHES.length] };
}

/** The little square of a class, in the colour of its boxes. */
export function swatchOf(position, own = "") {
  const swatch = document.createElement("i");
  swatch.className = "swatch";
  swatch.dataset.label = String(labelIndex(position));
  if (own) swatch.style.backgroundColor = own;
  return swatch;
}

/** Black or white, whichever reads better on a colour (relative luminance of WCAG 2). */
export function inkOn(hex) {
  const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#14110c" : "#ffffff";
}
