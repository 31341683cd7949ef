/* Color and dash of a class. The color is the one its manager chose, or else a design token by its position in the
 * schema, so that swatches and boxes agree. Classes beyond the eighth repeat the colors with another dash, and every
 * box also shows its class name. */

export const COLORS = 8;
const DASHES = [[], [10, 5], [3, 4], [12, 4, 3, 4]];

export function labelIndex(position) {
  return (position % COLORS) + 1;
}

/** @returns {{color: string, ink: string, dash: number[]}} for a class's zero-based position in the schema. */
export function paint(element, position, chosen = "") {
  const token = () =>
    getComputedStyle(element)
      .getPropertyValue(`--label-${labelIndex(position)}`)
      .trim();
  const color = chosen || token() || "#ffffff";
  return { color, ink: inkOn(color), dash: DASHES[Math.floor(position / COLORS) % DASHES.length] };
}

/** A small square in the color of a class's boxes. */
export function swatchOf(position, chosen = "") {
  const swatch = document.createElement("i");
  swatch.className = "swatch";
  swatch.dataset.label = String(labelIndex(position));
  if (chosen) swatch.style.backgroundColor = chosen;
  return swatch;
}

/** Black or white, whichever reads better on a color (WCAG 2 relative luminance). */
export function inkOn(hex) {
  const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#14110c" : "#ffffff";
}
