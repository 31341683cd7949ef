"""Pascal VOC XML: reader for existing labels, and annotation_xml, which writes the boxes of ImageNet-style releases."""
