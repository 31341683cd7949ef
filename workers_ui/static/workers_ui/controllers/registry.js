/* Every controller by its name. A module is loaded when the first element asks for it.
 * The addresses are literal, so that Django's manifest storage can rewrite them to the hashed names. */

export const registry = {
  "box-canvas": () => import("./box_canvas.js"),
  chart: () => import("./chart.js"),
  "class-picker": () => import("./class_picker.js"),
  copy: () => import("./copy.js"),
  dialog: () => import("./dialog.js"),
  live: () => import("./live.js"),
  "local-time": () => import("./local_time.js"),
  menu: () => import("./menu.js"),
  outbox: () => import("./outbox_status.js"),
  submit: () => import("./submit.js"),
  theme: () => import("./theme.js"),
  toasts: () => import("./toasts.js"),
};
