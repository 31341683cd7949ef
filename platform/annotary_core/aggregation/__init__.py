"""Label aggregation for crowdsourcing, usable without Django. A method is one file and one line in the registry.

base defines answers in and consensus out, and registry lists the methods of classification/, which label a task with
one class; multilabel labels it with tags, and objects/ merges drawn objects. consolidate merges all answers to one
image. stopping and task_selection decide whether to ask again, which task next, and by whom. online/ updates posteriors
with each answer; agreement/ and label_quality/ measure how far to trust the labels; replay/ simulates other policies on
recorded answers; io/ reads and writes CSV.
"""
