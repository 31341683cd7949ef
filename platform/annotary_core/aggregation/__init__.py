"""Label aggregation for crowdsourcing, usable without Django. A method is one file and one line in the registry.

Classes: base (answers in, consensus out), encoding, kernel_layout and kernels (columns and E-step), em and shards (the
fit), then one file per method: majority, weighted, one_coin, dawid_skene, blend. fitted_model stores a fit and predict
applies it; stopping and task_selection decide whether, where and whom to ask next. Tags: tags. Objects: boxes and
objects/. consolidate: the answers to one image. online/: posteriors updated with each answer. agreement/ and
label_quality/: how far to trust the labels. replay/: other policies simulated on recorded answers. files/: CSV input
and output.
"""
