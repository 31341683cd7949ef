/* Pages for managers without an image to label and without a chart. */

import { start } from "../lib/controller_loader.js";
import { manageControllers } from "./manage_controllers.js";

start(document.documentElement, manageControllers);
