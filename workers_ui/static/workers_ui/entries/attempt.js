/* The page on which a worker practices or takes an exam: <div data-controller="set">. Apart from the page of a set,
 * whose script has a budget: most workers load that one every day, and this one once. */

import AttemptController from "../annotate/attempt_controller.js";
import Outbox from "../controllers/outbox_status.js";
import { start } from "../lib/controller_loader.js";
import { siteControllers } from "./site_controllers.js";

start(document.documentElement, { ...siteControllers, outbox: Outbox, set: AttemptController });
