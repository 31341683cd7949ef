"""Dataset formats: one package per format, with a reader, a writer and a verifier where they exist.

coco/, imagenet/ and voc/ are the formats. readers lists the readers of existing labels, registry the formats of
releases. base is the interface of a release and ground_truth that of a reader. The writers share archive, large_json,
image_size, names, held_objects and report; the readers share label_files, loose_values, split_folders and conflicts.
"""
