/* Konva ships as a UMD file, which assigns to the global object even when imported as a module. */

import "../vendor/konva-10.9.1/konva.min.js";

export const Konva = globalThis.Konva;
