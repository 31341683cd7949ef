/* A small magnifier in the corner away from the pointer while an edge is being placed. */

const SIZE = 112;
const MAGNIFIED = 3;

export class Magnifier {
  constructor(annotator) {
    this.annotator = annotator;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "annotator-magnifier";
    this.canvas.hidden = true;
    this.canvas.setAttribute("aria-hidden", "true");
    annotator.element.append(this.canvas);
  }

  show(screen) {
    const { annotator, canvas } = this;
    // A mouse shows what is under it; a finger hides it.
    canvas.hidden = screen === null || !annotator.coarse;
    if (canvas.hidden) return;
    canvas.dataset.side = screen.x < annotator.viewport.size.width / 2 ? "right" : "left";
    const ratio = window.devicePixelRatio || 1;
    canvas.width = SIZE * ratio;
    canvas.height = SIZE * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const { view, image, width, height } = annotator;
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
