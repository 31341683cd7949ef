"""How far to trust agreed labels: the doubt in each, calibration, the likely wrong ones, classes that are confused."""
