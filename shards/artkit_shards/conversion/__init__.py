"""Converting: images of any kind -> a data set of tar shards.

records.py      an image that is to be converted
scan.py         class folders -> records
inspection.py   what must be known of an image before anything is decided
settings.py     what users can choose, and its bounds
selection.py    which classes have enough images
split.py        which image goes to which split
storage.py      in which format, and whether the bytes can be kept
layout.py       which sample stands in which shard, under which key
plan.py         all of these decisions, together
encoding.py     writes an image anew
writing.py      one shard, whole or not at all
recording.py    index and manifest of what was written
destination.py  what may be replaced in the folder, and in which order
workers.py      processes
converter.py    `convert`: inspect, plan, write
report.py       what was done
"""
