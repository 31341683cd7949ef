"""ImageNet style, one folder per class: reader for existing labels, writer and verifier for releases."""
