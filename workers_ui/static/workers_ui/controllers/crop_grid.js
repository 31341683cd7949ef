/* Bulk review: crops of one class, of which the wrong ones are struck; the labels of the rest are approved together.
 * Options: {url, class, crops: [{task, hash, name, url, width, height, bounds, whole, note}]}.
 * Keys: arrows, Home and End move; X or Space strikes; A approves the rest. Pressing a crop strikes it, too. */

import { callApi } from "../lib/api.js";
import { Controller } from "../lib/controller.js";
import { isTyping } from "./label_desk.js";

/* Side of a crop in device pixels, and the share of it around the object. */
const SIDE = 320;
const AROUND = 0.2;
/* Images that are loaded at a time: each is decoded as a whole. */
const AT_ONCE = 3;

export default class CropGrid extends Controller {
  connect() {
    this.options = this.json("options");
    this.tiles = this.options.crops.map((crop, index) => this.tile(crop, index));
    this.target("grid").replaceChildren(...this.tiles.map(({ element }) => element));
    this.listen(document, "keydown", (event) => this.key(event));
    this.refresh();
    void this.load();
  }

  tile(crop, index) {
    const element = document.createElement("button");
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: SIDE, height: SIDE });
    Object.assign(element, { type: "button", className: "crop", tabIndex: index === 0 ? 0 : -1 });
    element.dataset.state = "loading";
    element.append(canvas);
    if (crop.note) element.append(Object.assign(document.createElement("small"), { textContent: crop.note }));
    const tile = { crop, element, canvas, struck: false };
    this.listen(element, "click", () => this.toggle(tile));
    this.listen(element, "focus", () => this.enter(tile));
    return tile;
  }

  /* One tab stop: the tile that had the focus last. */
  enter(tile) {
    for (const other of this.tiles) other.element.tabIndex = other === tile ? 0 : -1;
  }

  toggle(tile) {
    tile.struck = !tile.struck;
    this.refresh();
  }

  key(event) {
    if (isTyping(event) || event.shiftKey || event.repeat) return;
    const at = this.tiles.findIndex(({ element }) => element === document.activeElement);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "a") void this.approve();
    else if (key === "x" && at >= 0) this.toggle(this.tiles[at]);
    else if (!this.move(key, at)) return;
    event.preventDefault();
  }

  move(key, at) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
    const last = this.tiles.length - 1;
    const to = key === "Home" ? 0 : key === "End" ? last : steps[key] && (at < 0 ? 0 : at + steps[key]);
    if (to === undefined || Number.isNaN(to)) return false;
    if (to >= 0 && to <= last) this.tiles[to].element.focus();
    return true;
  }

  get columns() {
    const [first] = this.tiles;
    return this.tiles.filter(({ element }) => element.offsetTop === first.element.offsetTop).length;
  }

  async load() {
    const byUrl = new Map();
    for (const tile of this.tiles) byUrl.set(tile.crop.url, [...(byUrl.get(tile.crop.url) ?? []), tile]);
    const waiting = [...byUrl];
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.loadImage(...next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async loadImage(url, tiles) {
    try {
      const response = await fetch(url, { credentials: "same-origin", signal: this.signal });
      if (!response.ok) throw new Error(String(response.status));
      const image = await createImageBitmap(await response.blob());
      for (const tile of tiles) draw(tile, image);
      image.close();
    } catch {
      for (const tile of tiles) tile.element.dataset.state = "broken";
    }
    this.refresh();
  }

  refresh() {
    for (const { element, crop, struck } of this.tiles) {
      element.setAttribute("aria-pressed", String(struck));
      const broken = element.dataset.state === "broken" ? ", could not be loaded" : "";
      element.setAttribute("aria-label", `${crop.name}${struck ? ", struck" : ""}${broken}`);
    }
    const loading = this.tiles.some(({ element }) => element.dataset.state === "loading");
    const struck = this.tiles.filter((tile) => tile.struck).length;
    this.target("approve").disabled = loading || this.tiles.length === 0;
    const count = (number) => `${number.toLocaleString("en-US")} ${number === 1 ? "crop" : "crops"}`;
    this.target("count").textContent = loading ? "Loading…" : `${count(this.tiles.length)}, ${struck} struck`;
  }

  async approve() {
    const button = this.target("approve");
    if (button.disabled || this.sending) return;
    this.sending = true;
    button.setAttribute("aria-busy", "true");
    const response = await callApi("POST", this.options.url, { class: this.options.class, labels: this.labels });
    this.sending = false;
    button.removeAttribute("aria-busy");
    if (response.ok) this.show(response.body.labels);
    else this.showProblem(response.message);
  }

  /* A label with a crop that could not be loaded was not seen: nothing is said of it. */
  get labels() {
    const labels = new Map();
    const unseen = new Set();
    for (const { crop, element, struck } of this.tiles) {
      if (element.dataset.state === "broken" && !struck) unseen.add(crop.task);
      const before = labels.get(crop.task)?.wrong ?? false;
      labels.set(crop.task, { task: crop.task, label_hash: crop.hash, wrong: before || struck });
    }
    return [...labels.values()].filter(({ task, wrong }) => wrong || !unseen.has(task));
  }

  show(results) {
    const count = (outcome) => results.filter((each) => each.outcome === outcome).length;
    const parts = [
      [count("approved"), "approved"],
      [count("passed"), "right in this class, with other classes to look at"],
      [count("struck"), "struck"],
      [count("stale"), "changed or decided in the meantime and left as they are"],
      [count("own_work"), "answered by you and left to others"],
    ];
    const said = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
    this.target("result").hidden = false;
    this.target("said").textContent = `Labels: ${said.join(", ")}.`;
    this.target("struck").hidden = count("struck") === 0;
    this.target("work").hidden = true;
    this.target("go-on").focus();
    this.tiles = [];
  }

  showProblem(message) {
    const line = this.target("problem");
    line.querySelector("p").textContent = message;
    line.hidden = message === "";
  }
}

/* The object with what is around it, as large as fits, and its outline. */
function draw({ crop, canvas, element }, image) {
  const scale = image.width / crop.width;
  const [x, y, w, h] = crop.bounds.map((each) => each * scale);
  const around = crop.whole ? 0 : AROUND * Math.max(w, h, 16);
  const side = Math.max(w, h) + 2 * around;
  const [left, top] = [x + w / 2 - side / 2, y + h / 2 - side / 2];
  const context = canvas.getContext("2d");
  const zoom = SIDE / side;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, left, top, side, side, 0, 0, SIDE, SIDE);
  if (!crop.whole) {
    for (const [color, width] of [
      ["rgb(0 0 0 / 65%)", 5],
      ["#e5bd5f", 2.5],
    ]) {
      Object.assign(context, { strokeStyle: color, lineWidth: width });
      context.strokeRect((x - left) * zoom, (y - top) * zoom, w * zoom, h * zoom);
    }
  }
  element.dataset.state = "ready";
}
