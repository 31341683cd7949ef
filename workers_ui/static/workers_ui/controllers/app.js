/* Entry of every page: binds data-controller="name" to the modules of the registry. */

import { bind } from "./binder.js";
import { registry } from "./registry.js";

bind(document.documentElement, registry);
