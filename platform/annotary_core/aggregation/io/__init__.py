"""Read answers from CSV files and write aggregated labels to them."""
