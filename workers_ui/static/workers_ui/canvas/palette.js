/* What tells classes apart: a color and a sign. The color is the one of the schema, or else a design token by position.
 * The sign is a pattern: of the lines of its boxes and of its swatch. Eight classes share a sign; no two with the same
 * color do. Once the patterns are used up, the swatch shows the number of the class as well, as does every box. */

const COLORS = 8;
/* The patterns of lines, in CSS pixels. */
const DASHES = [[], [10, 5], [3, 4], [12, 4, 3, 4]];

function labelIndex(position) {
  return (position % COLORS) + 1;
}

/** The look of each class of a schema, by position: {color, label, sign, dash, number}.
 *
 * @param {{color?: string}[]} classes in schema order
 * @returns `color` is "" where the design token --label-{label} applies; `number` is null while the sign is enough. */
export function looksOf(classes) {
  const taken = new Set();
  return classes.map(({ color = "" }, position) => {
    const name = color?.toLowerCase() || `token ${labelIndex(position)}`;
    let sign = Math.floor(position / COLORS);
    while (taken.has(`${name} ${sign}`)) sign += 1;
    taken.add(`${name} ${sign}`);
    return {
      color: color ?? "",
      label: String(labelIndex(position)),
      sign: sign % DASHES.length,
      dash: DASHES[sign % DASHES.length],
      number: sign < DASHES.length ? null : position + 1,
    };
  });
}

/** @returns {{color: string, ink: string, dash: number[]}} what boxes of a look are drawn with. */
export function paint(element, { color, label, dash }) {
  const token = () => getComputedStyle(element).getPropertyValue(`--label-${label}`).trim();
  const drawn = color || token() || "#ffffff";
  return { color: drawn, ink: inkOn(drawn), dash };
}

/** A small square in the color and with the sign of a class. */
export function swatchOf({ color, label, sign, number }) {
  const swatch = document.createElement("i");
  swatch.className = "swatch";
  swatch.dataset.label = label;
  swatch.dataset.sign = String(sign);
  if (color) swatch.style.setProperty("--label", color);
  if (number !== null) {
    swatch.textContent = String(number);
    swatch.setAttribute("aria-hidden", "true");
    if (color) swatch.style.color = inkOn(color);
  }
  return swatch;
}

/** Black or white, whichever reads better on a color (WCAG 2 relative luminance). */
export function inkOn(hex) {
  const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#14110c" : "#ffffff";
}
