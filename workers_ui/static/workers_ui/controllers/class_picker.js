/* <div data-controller="class-picker" data-class-picker-options="ID of a json_script"> around a hidden input.
 * Options: {classes, value, multiple, large}. Fills the target "buttons"; the target "value" (an input) follows the choice. */

import { ClassPicker } from "../canvas/class_picker.js";
import { Controller } from "../lib/controller.js";

export default class extends Controller {
  connect() {
    this.picker = new ClassPicker(this.target("buttons"), this.json("options"));
    this.picker.addEventListener("change", ({ detail }) => {
      this.write(detail.value);
      this.dispatch("change", detail);
    });
    this.write(this.picker.value);
  }

  disconnect() {
    this.picker.destroy();
  }

  write(value) {
    const input = this.target("value");
    if (input) input.value = Array.isArray(value) ? JSON.stringify(value) : (value ?? "");
  }
}
