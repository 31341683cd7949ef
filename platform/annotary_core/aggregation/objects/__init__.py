"""Merge the objects of several workers into consensus objects: matching, class, geometry, existence.

clustering is the pipeline, for any geometry type (geometry_types, area_kinds). similarity and matching group the
objects that are the same; crowd_regions handles COCO's iscrowd. The fuse_ modules merge the geometry of each type;
pixel_em, pixel_rates and vote_patterns fuse masks. detections, existence and existence_em estimate whether an object
exists, from who drew it and who did not; gold_matching supplies known objects.
"""
