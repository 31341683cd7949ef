/* The page on which a worker labels a set: <div data-controller="set">. */

import SetController from "../annotate/set_controller.js";
import Outbox from "../controllers/outbox_status.js";
import { start } from "../lib/controller_loader.js";
import { siteControllers } from "./site_controllers.js";

start(document.documentElement, { ...siteControllers, outbox: Outbox, set: SetController });
