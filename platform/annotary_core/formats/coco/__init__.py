"""COCO JSON for object detection: reader for existing labels, writer for releases, verifier with pycocotools."""
