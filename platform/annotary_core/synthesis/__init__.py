"""Synthetic images with exact ground truth, for demos, tests and training."""
