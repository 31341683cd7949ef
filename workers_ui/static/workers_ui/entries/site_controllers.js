/* The controllers that every page has. */

import ClassLooks from "../controllers/class_looks.js";
import Copy from "../controllers/copy.js";
import Dialog from "../controllers/dialog.js";
import LocalTime from "../controllers/local_time.js";
import Menu from "../controllers/menu.js";
import Submit from "../controllers/submit.js";
import Theme from "../controllers/theme.js";
import Toasts from "../controllers/toasts.js";

export const siteControllers = {
  "class-looks": ClassLooks,
  copy: Copy,
  dialog: Dialog,
  "local-time": LocalTime,
  menu: Menu,
  submit: Submit,
  theme: Theme,
  toasts: Toasts,
};
