"""Resuming: what a conversion keeps, so that it can go on after it was killed.

journal.py           entries with a checksum, where the data set will be
plain.py             dataclasses -> what JSON can hold, and back
kept_inspections.py  what was found in images
kept_shards.py       which shards were finished, and for which plan
"""
