"""Indexing: tars that others wrote -> a data set that opens like one of ours. The tars are only read.

indexer.py   `index_tars`: find, scan, name the classes, write
places.py    folders and addresses: fetching tars, and where the index goes
finding.py   which tars there are, and the split of each
rules.py     how classes are read, as users say or as the first sample suggests
labels.py    the class of a sample, from its members
classes.py   names of all classes, from what the samples say
measuring.py what the index says of a sample
scanning.py  tars -> rows of the index, in threads
content.py   rows -> keys, class numbers and manifest
recording.py writes them so that they are there whole or not at all
report.py    what was done
tar_samples.py `TarSamples`: the samples of tars as records, to be converted anew
"""
