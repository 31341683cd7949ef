"""Quality of consensus labels: uncertainty, calibration, likely label errors, and confused classes."""
