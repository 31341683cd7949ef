/* One image with its agreed label and everybody's answers, each to be shown or not. Options: see views/manage/task.py.
 * Nothing is edited here; the tables of the page say the same in words. */

import { BoxCanvas } from "../canvas/box_canvas.js";
import { Controller } from "./controller.js";

export default class extends Controller {
  connect() {
    this.options = this.json("options");
    const { schema, image } = this.options;
    const classes = (schema?.classes ?? []).map(({ number, name, color }) => ({ id: number, name, color }));
    const list = this.target("list") ?? document.createElement("ol");
    const { url, width, height } = image;
    this.canvas = new BoxCanvas(this.target("surface"), { imageUrl: url, width, height, classes, readOnly: true, list });
    this.canvas.setTool("pan");
    this.draw();
  }

  disconnect() {
    this.canvas.destroy();
  }

  draw() {
    const shown = new Set(this.targets("layer").filter((box) => box.checked).map((box) => box.value));
    this.canvas.setObjects(shown.has("agreed") ? this.options.objects : []);
    this.canvas.setOverlays([...this.answers(shown), ...this.leftOut(shown)]);
  }

  answers(shown) {
    const look = getComputedStyle(this.element);
    return this.options.answers
      .filter((answer) => shown.has(String(answer.number)))
      .flatMap(({ number, colour, objects }) => {
        const paint = look.getPropertyValue(`--label-${colour}`).trim();
        const boxes = objects.filter((object) => object.tool === "box");
        return boxes.map(({ geom }) => ({ geom, label: String(number), tone: "suggested", colour: paint }));
      });
  }

  leftOut(shown) {
    if (!shown.has("left_out")) return [];
    return this.options.left_out.map(({ geom }) => ({ geom, label: "left out", tone: "removed" }));
  }

  /** The agreed label alone. */
  none() {
    for (const box of this.targets("layer")) box.checked = box.value === "agreed";
    this.draw();
  }

  zoomIn() {
    this.canvas.zoomBy(1.5);
  }

  zoomOut() {
    this.canvas.zoomBy(1 / 1.5);
  }

  fit() {
    this.canvas.fit();
  }
}
