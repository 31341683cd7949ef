/* Every controller by its name. A module is loaded when the first element asks for it.
 * The addresses are literal, so that Django's manifest storage can rewrite them to the hashed names. */

export const registry = {
  autosubmit: () => import("./autosubmit.js"),
  "box-canvas": () => import("./box_canvas.js"),
  chart: () => import("./chart.js"),
  "check-desk": () => import("./check_desk.js"),
  "class-picker": () => import("./class_picker.js"),
  "class-rows": () => import("./class_rows.js"),
  console: () => import("./console.js"),
  copy: () => import("./copy.js"),
  dialog: () => import("./dialog.js"),
  estimate: () => import("./estimate.js"),
  live: () => import("./live.js"),
  "local-time": () => import("./local_time.js"),
  menu: () => import("./menu.js"),
  outbox: () => import("./outbox_status.js"),
  refresh: () => import("./refresh.js"),
  "review-desk": () => import("./review_desk.js"),
  set: () => import("./set.js"),
  submit: () => import("./submit.js"),
  tabs: () => import("./tabs.js"),
  theme: () => import("./theme.js"),
  toasts: () => import("./toasts.js"),
  upload: () => import("./upload.js"),
};
