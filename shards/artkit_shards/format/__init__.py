"""The format: tar shards, the index beside them, and how both are opened.

tar.py              samples -> members of a tar
tar_reader.py       headers of a tar -> its members
samples.py          members -> samples
descriptions.py     what is said of a sample in words
sidecars.py         files beside the shards for DALI, Energon and wids
sidecar_contents.py what stands in them
index.py            columns that find a sample without a search
manifest.py         what a data set is made of
manifest_reader.py  reads a manifest and trusts none of it
files.py            files that are whole or not there
locks.py            locks that end with their process
reading.py          bytes out of many files, with few of them open
dataset.py          the samples of a split
opening.py          `open_dataset`

Data sets that have an address:
    addresses.py       what an address may be, and how it is shown without secrets
    stores.py          what answers requests
    transfer.py        what their failures mean
    links.py           a page of a web server -> names of files
    interest.py        threads stop waiting for what nobody wants any more
    remote.py          bytes of the files of a folder, with the bounds of patience.py
    file_cache.py      a bounded folder of files from elsewhere, shared by processes
    download.py        a whole shard, checked
    pinned.py          images that an epoch repeats, in memory
    ahead.py           fetching before the turn
    remote_files.py    the shards of a split, through all of these
    remote_dataset.py  opening
"""
