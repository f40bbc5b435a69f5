"""Several ranks: processes that train one model together, each with its part of every batch.

group.py          who is among them, and what they tell one another
failure.py        the first error of any of them, known to all
shares.py         what a rank computes of a batch, and which batches can be shared out
gradients.py      gradients of all ranks added up: whole models on each (DDP), or parts of one (FSDP)
sharding.py       a model in parts, and its state as if it were whole
normalisation.py  batch normalisation over the images of all ranks

With one process there is one rank, and none of this does anything.
"""
