"""Read answers from CSV files and write aggregated labels to them.

csv_reader and csv_writer handle the files, encoding maps names to integers, tables builds answers and gold from the
columns, and aggregate_table implements `manage.py aggregate`.
"""
