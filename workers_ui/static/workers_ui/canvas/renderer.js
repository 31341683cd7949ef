/* Draws the image and the boxes with Konva: one layer for the image, one for overlays and boxes, one for the selected
 * box and the draft. Everything is drawn in CSS pixels, so that lines stay crisp at every zoom. */

import { boxToScreen, handlePoints, toScreen } from "./geometry.js";
import * as Konva from "./konva.js";
import { inkOn, looksOf, paint } from "./palette.js";

const TAG_HEIGHT = 18;
const OVERLAY_TONES = {
  agreed: { color: "#e5bd5f", dash: [] },
  suggested: { color: "#ffffff", dash: [6, 4] },
  removed: { color: "#ff9a8d", dash: [2, 4] },
};

/* An overlay may bring its own color, to tell several people's answers apart. */
function toneOf({ tone, color }) {
  const style = OVERLAY_TONES[tone] ?? OVERLAY_TONES.suggested;
  return color ? { ...style, color } : style;
}

export class Renderer {
  constructor(element, scene) {
    this.element = element;
    this.scene = scene;
    // Before the layers: a layer draws as soon as it is added to the stage, and a scene may start with boxes.
    const looks = looksOf(scene.classes);
    this.paints = new Map(scene.classes.map((item, position) => [item.id, paint(element, looks[position])]));
    this.names = new Map(scene.classes.map((item) => [item.id, item.name]));
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

  drawObjects(context) {
    const { view, overlays, objects } = this.scene;
    for (const overlay of overlays) {
      const tone = toneOf(overlay);
      this.outline(context, boxToScreen(view, overlay.geom), tone.color, tone.dash, 2);
    }
    const boxes = objects.boxes;
    boxes.forEach((item, index) => {
      if (item.id !== objects.selectedId) this.drawBox(context, item, index + 1, boxes.length > 40);
    });
    // Labels last, so that no outline runs through them.
    for (const overlay of overlays.filter((item) => item.label)) {
      const { color } = toneOf(overlay);
      this.tag(context, boxToScreen(view, overlay.geom), overlay.label, { color, ink: inkOn(color) }, true);
    }
  }

  drawBox(context, item, number, brief) {
    const style = this.style(item.object.class);
    const rect = boxToScreen(this.scene.view, item.box);
    const selected = item.id === this.scene.objects.selectedId;
    // The label's own boxes stand out from other people's.
    const isStrong = selected || (this.scene.readOnly && this.scene.overlays.length > 0);
    this.outline(context, rect, style.color, style.dash, isStrong ? 3 : 2);
    const name = this.names.get(item.object.class) ?? `class ${item.object.class}`;
    const text = brief || (rect.w < 48 && !selected) ? String(number) : `${number} ${name}`;
    // Keep the selected box's tag clear of its handles.
    const anchor = selected && !this.scene.readOnly ? { ...rect, y: rect.y - (this.scene.coarse ? 8 : 6) } : rect;
    this.tag(context, anchor, text, style, false);
  }

  drawActive(context) {
    const { view, objects, draft, readOnly, coarse } = this.scene;
    const selected = objects.selected;
    if (selected) {
      const style = this.style(selected.object.class);
      const rect = boxToScreen(view, selected.box);
      context.save();
      context.fillStyle = style.color;
      context.globalAlpha = 0.14;
      context.fillRect(rect.x, rect.y, rect.w, rect.h);
      context.restore();
      this.drawBox(context, selected, objects.numberOf(selected.id), false);
      if (!readOnly) this.handles(context, selected.box, coarse ? 7 : 5);
    }
    if (draft) {
      const style = this.style(this.scene.classId);
      this.outline(context, boxToScreen(view, draft), style.color, style.dash, 2);
    }
  }

  handles(context, box, radius) {
    const small = Math.min(box.w, box.h) * this.scene.view.scale < 6 * radius;
    for (const [name, point] of Object.entries(handlePoints(box))) {
      if (small && name.length === 1) continue;
      const at = toScreen(this.scene.view, point);
      context.beginPath();
      context.rect(at.x - radius, at.y - radius, 2 * radius, 2 * radius);
      context.fillStyle = "#fffdf8";
      context.strokeStyle = "#14110c";
      context.lineWidth = 1.5;
      context.fill();
      context.stroke();
    }
  }

  /* A dark line below each colored one keeps it visible on any image. */
  outline(context, rect, color, dash, thickness) {
    const [x, y] = [Math.round(rect.x) + 0.5, Math.round(rect.y) + 0.5];
    const [w, h] = [Math.max(1, Math.round(rect.w)), Math.max(1, Math.round(rect.h))];
    context.save();
    context.lineJoin = "round";
    context.strokeStyle = "rgb(0 0 0 / 65%)";
    context.lineWidth = thickness + 2;
    context.strokeRect(x, y, w, h);
    context.setLineDash(dash);
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.strokeRect(x, y, w, h);
    context.restore();
  }

  tag(context, rect, text, style, below) {
    context.save();
    context.font = "600 12px system-ui, sans-serif";
    const width = context.measureText(text).width + 10;
    const outside = below ? rect.y + rect.h + 1 : rect.y - TAG_HEIGHT - 1;
    const inside = below ? rect.y + rect.h - TAG_HEIGHT : rect.y;
    const limit = this.stage.height() - TAG_HEIGHT;
    const x = Math.min(Math.max(0, Math.round(rect.x) - 1), Math.max(0, this.stage.width() - width));
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

  style(classId) {
    return this.paints.get(classId) ?? { color: "#ffffff", ink: "#14110c", dash: [2, 2] };
  }

  destroy() {
    this.stage.destroy();
  }
}
