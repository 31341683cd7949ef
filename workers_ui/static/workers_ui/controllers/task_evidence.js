/* One image with its agreed label and every answer, each of which can be hidden. Options: see views/manage/task.py.
 * Read-only; the page's tables give the same information as text. */

import { Annotator } from "../canvas/annotator.js";
import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.options = this.json("options");
    const { schema, image } = this.options;
    const classes = (schema?.classes ?? []).map(({ number, name, color }) => ({ id: number, name, color }));
    const list = this.target("list") ?? document.createElement("ol");
    const { url, width, height } = image;
    this.annotator = new Annotator(this.target("surface"), {
      imageUrl: url,
      width,
      height,
      classes,
      tools: schema?.tools ?? [],
      readOnly: true,
      list,
    });
    this.annotator.setPanTool(true);
    this.draw();
  }

  disconnect() {
    this.annotator.destroy();
  }

  draw() {
    const shown = new Set(
      this.targets("layer")
        .filter((box) => box.checked)
        .map((box) => box.value),
    );
    this.annotator.setObjects(shown.has("agreed") ? this.options.objects : []);
    this.annotator.setOverlays([...this.answers(shown), ...this.leftOut(shown)]);
  }

  answers(shown) {
    const style = getComputedStyle(this.element);
    return this.options.answers
      .filter((answer) => shown.has(String(answer.number)))
      .flatMap(({ number, color: position, objects }) => {
        const color = style.getPropertyValue(`--label-${position}`).trim();
        return objects.map(({ tool, geom }) => ({ tool, geom, label: String(number), tone: "suggested", color }));
      });
  }

  leftOut(shown) {
    if (!shown.has("left_out")) return [];
    return this.options.left_out.map(({ tool, geom }) => ({ tool, geom, label: "left out", tone: "removed" }));
  }

  /** Shows the agreed label only. */
  none() {
    for (const box of this.targets("layer")) box.checked = box.value === "agreed";
    this.draw();
  }

  zoomIn() {
    this.annotator.zoomBy(1.5);
  }

  zoomOut() {
    this.annotator.zoomBy(1 / 1.5);
  }

  fit() {
    this.annotator.fit();
  }
}
