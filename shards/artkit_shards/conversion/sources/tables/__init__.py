"""Tables in files: CSV, TSV, JSON lines and Parquet, read row by row.

rows.py       what a row is
file.py       the file a table is in: bytes, lines, and what is wrong with them
delimited.py  CSV and TSV
jsonlines.py  JSON lines
parquet.py    Parquet
opening.py    `open_table`: which of them a file is
"""
