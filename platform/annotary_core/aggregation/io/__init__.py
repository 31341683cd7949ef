"""Answers out of CSV files, and agreed labels into them."""
