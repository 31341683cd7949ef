"""Quality of consensus labels: calibration, label errors and confused classes.

calibration compares confidence with accuracy, label_errors ranks labels by expected error and entropy, and
class_confusions finds pairs of classes that the instructions leave unclear.
"""
