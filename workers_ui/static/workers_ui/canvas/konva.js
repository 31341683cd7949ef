/* The parts of Konva that the canvas uses; importing all of it would double its size. */

export { Layer } from "../vendor/konva-10.9.1/lib/Layer.js";
export { Shape } from "../vendor/konva-10.9.1/lib/Shape.js";
export { Stage } from "../vendor/konva-10.9.1/lib/Stage.js";
export { Image } from "../vendor/konva-10.9.1/lib/shapes/Image.js";
