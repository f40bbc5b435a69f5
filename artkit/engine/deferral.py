"""Deferral: leaving classes as they are for the first epochs, and balancing them in the last ones only.

Features learnt from the natural mix are better, classifiers learnt from a balanced one are fairer; so balance that
sets in late does better than balance all along (Cao et al. 2019, "LDAM", sec. 3.3; Kang et al. 2020).
"""


def first_balanced_epoch(defer: float, num_epochs: int) -> int:
    """The epoch in which a deferred sampler or loss sets in, from 0; there is always one left for it.

    Args:
        defer: Share of the epochs before it, in [0, 1).
        num_epochs: Epochs of the run.
    """
    # 0.7 of 10 epochs are 6.999... in binary.
    return min(int(defer * num_epochs + 1e-9), num_epochs - 1)
