"""The format: tar shards, the index beside them, and how both are opened.

tar.py              samples -> members of a tar
index.py            columns that find a sample without a search
manifest.py         what a data set is made of
manifest_reader.py  reads a manifest and trusts none of it
files.py            files that are whole or not there
reading.py          bytes out of many files, with few of them open
dataset.py          `open_dataset`, and the samples of a split
"""
