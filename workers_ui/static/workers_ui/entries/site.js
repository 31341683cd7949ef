/* Sign-in, invitations, errors, and a worker's pages apart from the set. */

import { start } from "../lib/controller_loader.js";
import { siteControllers } from "./site_controllers.js";

start(document.documentElement, siteControllers);
