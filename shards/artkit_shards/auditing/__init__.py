"""Auditing: what a data set that exists really holds. Nothing is changed.

verifying.py      `verify_dataset`: shards, samples, index and sidecars agree, and other readers can read them
places.py         where its files are: a folder, or an address from which they are fetched
shards.py         one shard against manifest and index
rows.py           the index, column by column
samples.py        one sample against its row of the index
readers.py        what other readers ask of a shard
sidecars.py       sidecars against the shards
faults.py         what was found wrong
describing.py     `describe_dataset`: counts, sizes, formats
duplicates.py     images with the same bytes
"""
