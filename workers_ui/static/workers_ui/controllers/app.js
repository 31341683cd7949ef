/* Entry point of every page: connects data-controller="name" to the registry's modules. */

import { start } from "../lib/controller_loader.js";
import { registry } from "./registry.js";

start(document.documentElement, registry);
