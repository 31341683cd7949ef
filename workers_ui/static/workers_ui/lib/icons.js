/* Icons in elements that a script makes. */

const SVG = "http://www.w3.org/2000/svg";

/** A symbol of icons.svg by its name. The file's address has a hash of its content, which templates know: it is taken
 * from an icon that the page already has. */
export function iconOf(name) {
  const known = document.querySelector("svg.icon use")?.getAttribute("href") ?? "";
  return icon("use", { href: `${known.split("#")[0]}#${name}` });
}

/** An icon drawn by path data in a square of 24 by 24. */
export function drawnIcon(path) {
  const drawn = icon("path", { d: path });
  drawn.setAttribute("viewBox", "0 0 24 24");
  return drawn;
}

function icon(tag, attributes) {
  const [svg, content] = ["svg", tag].map((name) => document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) content.setAttribute(key, value);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(content);
  return svg;
}
