"""Stores: where data sets are written to.

store.py        what a store can do: files by name, each whole or not there
local_store.py  a folder
url_store.py    an address that objects can be put to
url_files.py    files at addresses, with patience
claim.py        one conversion at a time, where there are no locks
opening.py      the store that a path or an address stands for
"""
