/* <ul data-controller="class-looks"><li data-class-looks-target="class" data-color="#e69f00">…</li></ul>: puts the swatch
 * that a class has beside the image before each name. The list is that of the schema, in its order. */

import { looksOf, swatchOf } from "../canvas/palette.js";
import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    const rows = this.targets("class");
    const looks = looksOf(rows.map(({ dataset }) => ({ color: dataset.color })));
    for (const [position, row] of rows.entries()) row.prepend(swatchOf(looks[position]));
  }
}
