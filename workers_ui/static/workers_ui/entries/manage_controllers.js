/* The controllers that every page for managers has. */

import AnswersMode from "../controllers/answers_mode.js";
import Autosubmit from "../controllers/autosubmit.js";
import ClassRows from "../controllers/class_rows.js";
import Console from "../controllers/console.js";
import Estimate from "../controllers/estimate.js";
import Live from "../controllers/live.js";
import LocalMoment from "../controllers/local_moment.js";
import Refresh from "../controllers/refresh.js";
import Selection from "../controllers/selection.js";
import Slider from "../controllers/slider.js";
import Tabs from "../controllers/tabs.js";
import Upload from "../controllers/upload.js";
import { siteControllers } from "./site_controllers.js";

export const manageControllers = {
  ...siteControllers,
  "answers-mode": AnswersMode,
  autosubmit: Autosubmit,
  "class-rows": ClassRows,
  console: Console,
  estimate: Estimate,
  live: Live,
  "local-moment": LocalMoment,
  refresh: Refresh,
  selection: Selection,
  slider: Slider,
  tabs: Tabs,
  upload: Upload,
};
