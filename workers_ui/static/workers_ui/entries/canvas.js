/* Pages for managers with an image and its labels: review, check images, the evidence of a label. */

import AppealDesk from "../controllers/appeal_desk.js";
import CropGrid from "../controllers/crop_grid.js";
import GoldDesk from "../controllers/gold_desk.js";
import RejectedDesk from "../controllers/rejected_desk.js";
import ReviewDesk from "../controllers/review_desk.js";
import TaskEvidence from "../controllers/task_evidence.js";
import { start } from "../lib/controller_loader.js";
import { manageControllers } from "./manage_controllers.js";

start(document.documentElement, {
  ...manageControllers,
  "appeal-desk": AppealDesk,
  "crop-grid": CropGrid,
  "gold-desk": GoldDesk,
  "rejected-desk": RejectedDesk,
  "review-desk": ReviewDesk,
  "task-evidence": TaskEvidence,
});
