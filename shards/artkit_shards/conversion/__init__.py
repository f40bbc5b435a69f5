"""Converting: images of any kind -> a data set of tar shards.

records.py      an image that is to be converted
sources/        folders, tables, tars -> records
listing.py      all records, checked, in order
reading.py      the bytes of an image, wherever it is
inspection.py   what must be known of an image before anything is decided
inspecting.py   inspects all images
jpeg_header.py  headers of plain JPEG files
settings.py     what users can choose, and its bounds
foresight.py    refuses what cannot work before any file is read
measuring.py    what headers do not tell
duplicates/     images that show the same picture
selection.py    which classes there are, and how many images of each
curation.py     which images are taken, and which must stay together
split.py        which image goes to which split
split_names.py  which names are usual, and which are misspelt
coverage.py     classes that are missing in a split, and why
storage.py      in which format, and whether the bytes can be kept
layout.py       which sample stands in which shard, under which key
augmenting.py   changed copies of training images
plan.py         all of these decisions, together
encoding.py     writes an image anew
shard_file.py   a tar that grows, hashed beside
writing.py      one shard, whole or not at all
finishing.py    all shards, without those that are there already
settling.py     sees them onto the disk
recording.py    index and manifest of what was written
stores/         where data sets are written to
destination.py  what may be replaced there, and in which order
resuming/       what is kept so that a conversion that was killed goes on
workers.py      processes
cluster.py      the same on a Ray cluster
running.py      a conversion, step by step
converter.py    `convert`
report.py       what was done
"""
