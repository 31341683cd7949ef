/* Draws the image and the boxes with Konva: one layer for the image, one for overlays and boxes, one for what is
 * under the hand. All is drawn in CSS pixels, so that lines stay crisp at every zoom. */

import { Konva } from "./konva.js";
import { boxToScreen, handlePoints, toScreen } from "./geometry.js";
import { inkOn, paint } from "./palette.js";

const TAG_HEIGHT = 18;
const OVERLAY_TONES = {
  agreed: { colour: "#e5bd5f", dash: [] },
  suggested: { colour: "#ffffff", dash: [6, 4] },
  removed: { colour: "#ff9a8d", dash: [2, 4] },
};

/* An overlay may have a colour of its own, where several people's are told apart. */
function toneOf({ tone, colour }) {
  const usual = OVERLAY_TONES[tone] ?? OVERLAY_TONES.suggested;
  return colour ? { ...usual, colour } : usual;
}

export class Renderer {
  constructor(element, scene) {
    this.element = element;
    this.scene = scene;
    // Before the layers: a layer draws as soon as the stage has it, and a scene may begin with boxes.
    this.paints = new Map(scene.classes.map((item, position) => [item.id, paint(element, position, item.color)]));
    this.names = new Map(scene.classes.map((item) => [item.id, item.name]));
    this.stage = new Konva.Stage({ container: element, width: 1, height: 1, listening: false });
    this.picture = new Konva.Image({ listening: false, image: undefined });
    this.layers = [
      this.layer(this.picture),
      this.layer(this.shape((context) => this.drawObjects(context))),
      this.layer(this.shape((context) => this.drawHand(context))),
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
    this.picture.image(image);
    this.draw();
  }

  draw() {
    const { view, width, height } = this.scene;
    this.picture.setAttrs({ x: view.x, y: view.y, width: width * view.scale, height: height * view.scale });
    // Single pixels are to be seen as such when somebody zooms in far enough to look for them.
    this.layers[0].imageSmoothingEnabled(view.scale < 4);
    for (const layer of this.layers) layer.batchDraw();
  }

  drawObjects(context) {
    const { view, overlays, objects } = this.scene;
    for (const overlay of overlays) {
      const tone = toneOf(overlay);
      this.outline(context, boxToScreen(view, overlay.geom), tone.colour, tone.dash, 2);
    }
    const boxes = objects.boxes;
    boxes.forEach((item, index) => {
      if (item.id !== objects.selectedId) this.drawBox(context, item, index + 1, boxes.length > 40);
    });
    // Their words last, so that no outline runs through them.
    for (const overlay of overlays.filter((item) => item.label)) {
      const { colour } = toneOf(overlay);
      this.tag(context, boxToScreen(view, overlay.geom), overlay.label, { colour, ink: inkOn(colour) }, true);
    }
  }

  drawBox(context, item, number, brief) {
    const style = this.style(item.object.class);
    const rect = boxToScreen(this.scene.view, item.box);
    const held = item.id === this.scene.objects.selectedId;
    // Beside other people's boxes the label's own stand out.
    const isStrong = held || (this.scene.readOnly && this.scene.overlays.length > 0);
    this.outline(context, rect, style.colour, style.dash, isStrong ? 3 : 2);
    const name = this.names.get(item.object.class) ?? `class ${item.object.class}`;
    const words = brief || (rect.w < 48 && !held) ? String(number) : `${number} ${name}`;
    // The tag of the box in hand stands clear of its handles.
    const room = held && !this.scene.readOnly ? { ...rect, y: rect.y - (this.scene.coarse ? 8 : 6) } : rect;
    this.tag(context, room, words, style, false);
  }

  drawHand(context) {
    const { view, objects, draft, readOnly, coarse } = this.scene;
    const selected = objects.selected;
    if (selected) {
      const style = this.style(selected.object.class);
      const rect = boxToScreen(view, selected.box);
      context.save();
      context.fillStyle = style.colour;
      context.globalAlpha = 0.14;
      context.fillRect(rect.x, rect.y, rect.w, rect.h);
      context.restore();
      this.drawBox(context, selected, objects.numberOf(selected.id), false);
      if (!readOnly) this.handles(context, selected.box, coarse ? 7 : 5);
    }
    if (draft) {
      const style = this.style(this.scene.classId);
      this.outline(context, boxToScreen(view, draft), style.colour, [], 2);
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

  /* A dark line below each coloured one keeps it visible on every picture. */
  outline(context, rect, colour, dash, thickness) {
    const [x, y] = [Math.round(rect.x) + 0.5, Math.round(rect.y) + 0.5];
    const [w, h] = [Math.max(1, Math.round(rect.w)), Math.max(1, Math.round(rect.h))];
    context.save();
    context.lineJoin = "round";
    context.strokeStyle = "rgb(0 0 0 / 65%)";
    context.lineWidth = thickness + 2;
    context.strokeRect(x, y, w, h);
    context.setLineDash(dash);
    context.strokeStyle = colour;
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
    const seen = rect.x < this.stage.width() && rect.x + rect.w > 0 && rect.y < this.stage.height() && rect.y + rect.h > 0;
    if (seen) {
      context.fillStyle = style.colour;
      context.fillRect(x, y, width, TAG_HEIGHT);
      context.fillStyle = style.ink;
      context.textBaseline = "middle";
      context.fillText(text, x + 5, y + TAG_HEIGHT / 2 + 0.5);
    }
    context.restore();
  }

  style(classId) {
    return this.paints.get(classId) ?? { colour: "#ffffff", ink: "#14110c", dash: [2, 2] };
  }

  destroy() {
    this.stage.destroy();
  }
}
