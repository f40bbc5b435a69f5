"""The stream: batches of decoded images in an exact order.

The order:
    plan.py         which sample is seen when in an epoch
    windows.py      the same for shards that come from far away
    planner.py      the planners that a loader can have, and the names of their orders
    epochs.py       the plans of a loader's epochs, the next one made in the background
    shares.py       which positions of a plan a rank takes
    state.py        where a loader stands, and in which plan

The pixels:
    decode.py       bytes -> pixels of a batch
    jpeg.py         JPEG decoded no larger than needed
    crop.py         random parts of images
    cache.py        decoded images that are kept, as residency.py plans it
    pixels.py       rows -> squares of a batch: out of the cache, or read and decoded
    process.py      the same in a process of its own: child.py, with messages.py between them
    replacement.py  another sample of the class where one is bad
    filling.py      batches filled ahead of their turn, in threads, in memory of buffers.py

Both together:
    loader.py       `Loader`: epochs in batches (batch.py); arguments.py checks what it is given
    unindexed.py    `TarStream`: tars without an index, with tar_source.py and tar_labels.py
"""
