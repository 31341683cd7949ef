/* Konva ships a UMD file, which puts itself on the global object also when a module imports it. */

import "../vendor/konva-10.9.1/konva.min.js";

export const Konva = globalThis.Konva;
