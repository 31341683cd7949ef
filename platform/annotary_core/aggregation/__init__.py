"""Consensus methods, usable by anyone, without Django: one method a file, one line in the registry.

Classes: base (answers in, consensus out), coded, cells and kernels (columns and E-step), em and shards (the fit), then
a file a method: majority, weighted, one_coin, dawid_skene, blend. state and scoring keep a fit and use it, stopping and
asking say whether, where and whom to ask. Tags: tags. Objects: boxes and objects/. consolidate: one image's answers.
online/: posteriors that follow each answer. agreement/, doubt/: how far to trust it. replaying/: other policies played
back. files/: CSV in and out.
"""
