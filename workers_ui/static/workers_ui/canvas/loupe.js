/* A small magnifier in the corner away from the pointer, while an edge is being placed. */

const SIZE = 112;
const MAGNIFIED = 3;

export class Loupe {
  constructor(surface) {
    this.surface = surface;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "box-canvas-loupe";
    this.canvas.hidden = true;
    this.canvas.setAttribute("aria-hidden", "true");
    surface.element.append(this.canvas);
  }

  show(screen) {
    const { surface, canvas } = this;
    // A mouse shows what is under it; a finger covers it.
    canvas.hidden = screen === null || !surface.coarse;
    if (canvas.hidden) return;
    canvas.dataset.side = screen.x < surface.size.width / 2 ? "right" : "left";
    const ratio = window.devicePixelRatio || 1;
    canvas.width = SIZE * ratio;
    canvas.height = SIZE * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const { view, image, width, height } = surface;
    const scale = view.scale * MAGNIFIED;
    const [x, y] = [SIZE / 2 - (screen.x - view.x) * MAGNIFIED, SIZE / 2 - (screen.y - view.y) * MAGNIFIED];
    context.fillStyle = "#2a2723";
    context.fillRect(0, 0, SIZE, SIZE);
    context.imageSmoothingEnabled = scale < 4;
    context.drawImage(image, x, y, width * scale, height * scale);
    context.strokeStyle = "#fffdf8";
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(SIZE / 2, 0);
    context.lineTo(SIZE / 2, SIZE);
    context.moveTo(0, SIZE / 2);
    context.lineTo(SIZE, SIZE / 2);
    context.stroke();
  }
}
