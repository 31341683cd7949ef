/* The view of the image: its size, the part of it on the screen, zoom and pan. */

import { boundsToScreen, fitView, keepInView, toImage, toScreen, visiblePart, zoomAt } from "./geometry.js";

const MAX_SCALE = 32;
/* What is brought into view stays this far from its edges, in CSS pixels. */
const MARGIN = 24;

export class Viewport {
  /** `changed` is called after every change. */
  constructor({ width, height, changed }) {
    this.frame = { width, height };
    this.changed = changed;
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = { width: 1, height: 1 };
    this.fitted = true;
  }

  /** Another image, shown as a whole. */
  show({ width, height }) {
    this.frame = { width, height };
    this.fit();
  }

  resize(size) {
    this.size = size;
    if (this.fitted) this.fit();
    else this.set(this.view);
  }

  fit() {
    this.fitted = true;
    this.set(this.whole);
  }

  get whole() {
    return fitView(this.frame.width, this.frame.height, this.size);
  }

  zoomBy(factor, point = { x: this.size.width / 2, y: this.size.height / 2 }) {
    const smallest = Math.min(1, this.whole.scale) / 2;
    this.fitted = false;
    this.set(zoomAt(this.view, point, factor, smallest, MAX_SCALE));
  }

  panBy(dx, dy) {
    this.fitted = false;
    this.set({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  /** Pans just far enough to bring bounds of the image into view. */
  reveal(bounds) {
    const rect = boundsToScreen(this.view, bounds);
    const dx = shift(rect.x, rect.w, this.size.width);
    const dy = shift(rect.y, rect.h, this.size.height);
    if (dx !== 0 || dy !== 0) this.panBy(dx, dy);
  }

  set(view) {
    this.view = keepInView(view, this.frame.width, this.frame.height, this.size);
    this.changed();
  }

  get visible() {
    return visiblePart(this.view, this.size, this.frame.width, this.frame.height);
  }

  toImage(point) {
    return toImage(this.view, point);
  }

  toScreen(point) {
    return toScreen(this.view, point);
  }
}

function shift(start, length, room) {
  if (length > room - 2 * MARGIN) return 0;
  if (start < MARGIN) return MARGIN - start;
  if (start + length > room - MARGIN) return room - MARGIN - start - length;
  return 0;
}
