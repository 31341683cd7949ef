/* The page on which a worker labels a set, practices, or takes an exam: <div data-controller="set" data-set-attempt>. */

import AttemptController from "../annotate/attempt_controller.js";
import SetController from "../annotate/set_controller.js";
import Outbox from "../controllers/outbox_status.js";
import { start } from "../lib/controller_loader.js";
import { siteControllers } from "./site_controllers.js";

// One script for both: a phone that has loaded it for practice has it for the work.
const isAttempt = document.querySelector("[data-set-attempt]") !== null;
start(document.documentElement, {
  ...siteControllers,
  outbox: Outbox,
  set: isAttempt ? AttemptController : SetController,
});
