"""The stream: batches of decoded images in an exact order.

plan.py    which sample is seen when in an epoch
decode.py  bytes -> pixels of a batch
loader.py  `Loader`: batches, filled in threads
"""
