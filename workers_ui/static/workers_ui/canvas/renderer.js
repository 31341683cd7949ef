/* Draws the image and the objects with Konva: one layer for the image, one for overlays and objects, one for the selected
 * object and the one that is being drawn. Everything is drawn in CSS pixels, so that lines stay crisp at every zoom. */

import { formOf } from "./forms.js";
import { boundsToScreen, toScreen } from "./geometry.js";
import * as Konva from "./konva.js";
import { inkOn, looksOf, paint } from "./palette.js";

const TAG_HEIGHT = 18;
const TAG_FONT = "600 12px system-ui, sans-serif";
const OVERLAY_TONES = {
  agreed: { color: "#e5bd5f", dash: [] },
  suggested: { color: "#ffffff", dash: [6, 4] },
  removed: { color: "#ff9a8d", dash: [2, 4] },
};
/* Half the size of a handle in CSS pixels, for a mouse and for a finger; smaller where handles would overlap. */
const HANDLE = { fine: 5, coarse: 7, crowded: 3 };
const DARK = "#14110c";
const LIGHT = "#fffdf8";
const SHADOW = "rgb(0 0 0 / 65%)";
const CROSSHAIR = 14;

/* An overlay may bring its own color, to tell several people's answers apart. */
function toneOf({ tone, color }) {
  const style = OVERLAY_TONES[tone] ?? OVERLAY_TONES.suggested;
  return color ? { ...style, color } : style;
}

export class Renderer {
  constructor(element, scene) {
    this.element = element;
    this.scene = scene;
    // Before the layers: a layer draws as soon as it is added to the stage, and a scene may start with objects.
    const looks = looksOf(scene.classes);
    this.paints = new Map(scene.classes.map((item, position) => [item.id, paint(element, looks[position])]));
    this.stage = new Konva.Stage({ container: element, width: 1, height: 1, listening: false });
    this.image = new Konva.Image({ listening: false, image: undefined });
    this.layers = [
      this.layer(this.image),
      this.layer(this.shape((context) => this.drawObjects(context))),
      this.layer(this.shape((context) => this.drawActive(context))),
    ];
  }

  layer(node) {
    const layer = new Konva.Layer({ listening: false });
    layer.add(node);
    this.stage.add(layer);
    return layer;
  }

  shape(draw) {
    return new Konva.Shape({ listening: false, sceneFunc: (context) => draw(context._context) });
  }

  resize(size) {
    this.stage.size(size);
    for (const layer of this.layers) layer.getCanvas().setPixelRatio(window.devicePixelRatio || 1);
    this.draw();
  }

  setImage(image) {
    this.image.image(image);
    this.draw();
  }

  draw() {
    const { view, width, height } = this.scene;
    this.image.setAttrs({ x: view.x, y: view.y, width: width * view.scale, height: height * view.scale });
    // Show single pixels as such to anyone who zooms in far enough to look for them.
    this.layers[0].imageSmoothingEnabled(view.scale < 4);
    for (const layer of this.layers) layer.batchDraw();
  }

  /** Draws only what changes while a pointer moves: the selected object and the one that is being drawn. */
  redraw() {
    this.layers[2].batchDraw();
  }

  drawObjects(context) {
    const { overlays, objects, selection } = this.scene;
    const known = overlays.filter((overlay) => formOf(overlay) !== null);
    for (const overlay of known) {
      const tone = toneOf(overlay);
      this.outline(context, formOf(overlay), tone.color, tone.dash, 2);
    }
    objects.shown.forEach((object, index) => {
      if (object.id !== selection.id) this.drawObject(context, object, index + 1, objects.shown.length > 40);
    });
    // Labels last, so that no outline runs through them.
    for (const overlay of known.filter((item) => item.label)) {
      const { color } = toneOf(overlay);
      this.tag(context, this.anchorOf(formOf(overlay), true), overlay.label, { color, ink: inkOn(color) }, true);
    }
  }

  drawObject(context, object, number, brief) {
    const { selection, readOnly, overlays, coarse } = this.scene;
    const style = this.style(object.class);
    const form = formOf(object);
    const selected = object.id === selection.id;
    // The label's own objects stand out from other people's.
    const isStrong = selected || (readOnly && overlays.length > 0);
    this.outline(context, form, style.color, style.dash, isStrong ? 3 : 2);
    const anchor = this.anchorOf(form, false);
    const text =
      brief || (anchor.w < 48 && !selected) ? String(number) : `${number} ${this.scene.nameOf(object.class)}`;
    // Keep the selected object's tag clear of its handles.
    if (selected && !readOnly) anchor.y -= coarse ? 8 : 6;
    this.tag(context, anchor, text, style, false);
  }

  drawActive(context) {
    const { selection, sketch, readOnly } = this.scene;
    const { object } = selection;
    if (object) {
      this.fill(context, formOf(object), this.style(object.class).color);
      this.drawObject(context, object, selection.number, false);
      if (!readOnly) this.handles(context, object);
    }
    if (sketch) this.drawSketch(context, sketch.preview);
  }

  drawSketch(context, { parts, closed, dots, target, crosshair }) {
    const style = this.style(this.scene.classId);
    this.outline(context, { parts, tool: { closed, crisp: closed } }, style.color, style.dash, 2);
    const radius = this.radius(dots.map(([x, y]) => ({ x, y })));
    for (const [x, y] of dots) this.dot(context, this.at({ x, y }), radius - 1, style.color);
    if (target) this.dot(context, this.at({ x: target[0], y: target[1] }), radius + 3, LIGHT);
    if (crosshair) this.crosshair(context, this.at(crosshair));
  }

  crosshair(context, { x, y }) {
    for (const [color, width] of [
      [SHADOW, 4],
      [LIGHT, 1.5],
    ]) {
      context.beginPath();
      context.moveTo(x - CROSSHAIR, y);
      context.lineTo(x + CROSSHAIR, y);
      context.moveTo(x, y - CROSSHAIR);
      context.lineTo(x, y + CROSSHAIR);
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke();
    }
  }

  handles(context, object) {
    const radius = this.scene.coarse ? HANDLE.coarse : HANDLE.fine;
    const all = formOf(object).tool.handles(object.geom, (6 * radius) / this.scene.view.scale);
    const size = this.radius(all);
    const { color } = this.style(object.class);
    for (const { id, x, y, kind } of all) {
      const at = this.at({ x, y });
      const isSelected = id === this.scene.selection.pointId;
      if (kind === "middle") this.dot(context, at, size - 1.5, LIGHT, 0.7);
      else this.square(context, at, isSelected ? size + 2 : size, isSelected ? color : LIGHT);
    }
  }

  /* Half the size of handles at these points: smaller where many are close together. */
  radius(points) {
    const radius = this.scene.coarse ? HANDLE.coarse : HANDLE.fine;
    const scale = this.scene.view.scale;
    const close = points.filter(({ x, y }, at) => {
      const next = points[(at + 1) % points.length];
      return Math.hypot(next.x - x, next.y - y) * scale < 3 * radius;
    });
    return close.length > points.length / 2 && points.length > 8 ? HANDLE.crowded : radius;
  }

  square(context, { x, y }, radius, color) {
    context.beginPath();
    context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    this.paintHandle(context, color, 1);
  }

  dot(context, { x, y }, radius, color, alpha = 1) {
    context.beginPath();
    context.arc(x, y, Math.max(2, radius), 0, 2 * Math.PI);
    this.paintHandle(context, color, alpha);
  }

  paintHandle(context, color, alpha) {
    context.save();
    context.globalAlpha = alpha;
    context.fillStyle = color;
    context.strokeStyle = DARK;
    context.lineWidth = 1.5;
    context.fill();
    context.stroke();
    context.restore();
  }

  /* The way of an object's lines on the screen. */
  trace(context, parts, { closed, crisp }) {
    context.beginPath();
    for (const line of parts.flat()) {
      line.forEach(([x, y], index) => {
        const at = this.at({ x, y });
        const [left, top] = crisp ? [Math.round(at.x) + 0.5, Math.round(at.y) + 0.5] : [at.x, at.y];
        if (index === 0) context.moveTo(left, top);
        else context.lineTo(left, top);
      });
      if (closed) context.closePath();
    }
  }

  fill(context, { parts, tool }, color) {
    if (!tool.closed) return;
    context.save();
    context.fillStyle = color;
    context.globalAlpha = 0.14;
    for (const part of parts) {
      this.trace(context, [part], tool);
      context.fill("evenodd");
    }
    context.restore();
  }

  /* A dark line below each colored one keeps it visible on any image. */
  outline(context, { parts, tool }, color, dash, thickness) {
    context.save();
    context.lineJoin = "round";
    context.lineCap = "round";
    this.trace(context, parts, tool);
    context.strokeStyle = SHADOW;
    context.lineWidth = thickness + 2;
    context.stroke();
    context.lineCap = "butt";
    context.setLineDash(dash);
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.stroke();
    context.restore();
  }

  /* Where an object's tag goes: its bounds on the screen, and the place of its highest or lowest point. */
  anchorOf({ bounds, highest, lowest }, below) {
    const [x, y] = below ? lowest : highest;
    return { ...boundsToScreen(this.scene.view, bounds), tagX: this.at({ x, y }).x };
  }

  tag(context, rect, text, style, below) {
    context.save();
    context.font = TAG_FONT;
    const width = context.measureText(text).width + 10;
    const outside = below ? rect.y + rect.h + 1 : rect.y - TAG_HEIGHT - 1;
    const inside = below ? rect.y + rect.h - TAG_HEIGHT : rect.y;
    const limit = this.stage.height() - TAG_HEIGHT;
    const x = Math.min(Math.max(0, Math.round(rect.tagX) - 1), Math.max(0, this.stage.width() - width));
    const y = Math.round(outside < 0 || outside > limit ? Math.min(Math.max(inside, 0), limit) : outside);
    const visible =
      rect.x < this.stage.width() && rect.x + rect.w > 0 && rect.y < this.stage.height() && rect.y + rect.h > 0;
    if (visible) {
      context.fillStyle = style.color;
      context.fillRect(x, y, width, TAG_HEIGHT);
      context.fillStyle = style.ink;
      context.textBaseline = "middle";
      context.fillText(text, x + 5, y + TAG_HEIGHT / 2 + 0.5);
    }
    context.restore();
  }

  at(point) {
    return toScreen(this.scene.view, point);
  }

  style(classId) {
    return this.paints.get(classId) ?? { color: "#ffffff", ink: DARK, dash: [2, 2] };
  }

  destroy() {
    this.stage.destroy();
  }
}
