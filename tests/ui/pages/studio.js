/* The canvas on a page of its own, from the unbuilt modules. */

import Annotator from "/static/workers_ui/controllers/annotator.js";
import Outbox from "/static/workers_ui/controllers/outbox_status.js";
import { siteControllers } from "/static/workers_ui/entries/site_controllers.js";
import { start } from "/static/workers_ui/lib/controller_loader.js";

start(document.documentElement, { ...siteControllers, annotator: Annotator, outbox: Outbox });
