/* Pages for managers with charts: overview, quality, what-if. */

import Chart from "../controllers/chart.js";
import Plot from "../controllers/plot.js";
import { start } from "../lib/controller_loader.js";
import { manageControllers } from "./manage_controllers.js";

start(document.documentElement, { ...manageControllers, chart: Chart, plot: Plot });
