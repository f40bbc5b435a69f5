"""Which classes are alike to a model: an order in which those taken for one another stand together, and groups in it.

The likeness of two classes is the mean of the two shares in which each is taken for the other. Classes are joined by
average linkage, and the tree's leaves are ordered so that neighbours are as alike as can be (Bar-Joseph et al. 2001,
"Fast optimal leaf ordering for hierarchical clustering"). `K` classes.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from artkit_plugins.reporters.statistics import row_shares

ORDERED_OPTIMALLY: Final = 1000
"""Classes up to which leaves are ordered optimally, which takes a time that grows with more than their square."""
LEAST_LIKENESS: Final = 0.02
"""Mean share of each other's images that classes of a group are taken for."""
TIMES_USUAL: Final = 3.0
"""How many times the likeness of any two classes that of a group is at least."""


def similarity_order(counts_KK: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order classes so that those often taken for one another stand together.

    Args:
        counts_KK: Samples by true class (rows) and predicted class (columns).

    Returns:
        A permutation of the classes, int64, (K,); the same for the same counts.
    """
    if len(counts_KK) < 3:
        return np.arange(len(counts_KK))
    return _leaves(_tree(_likeness(counts_KK)))


def similar_groups(counts_KK: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut the order of `similarity_order` into groups of classes that are taken for one another.

    Within a group, that happens in at least 2 % of a class's images for each other class of it, on average, and three
    times as often as between any two classes.

    Returns:
        Classes of each group, int64; joined they are that order, and most may stand alone.
    """
    if len(counts_KK) < 3:
        return [np.array([k]) for k in range(len(counts_KK))]
    likeness_KK = _likeness(counts_KK)
    tree = _tree(likeness_KK)
    usual = likeness_KK.sum() / (len(likeness_KK) * (len(likeness_KK) - 1))
    group_of = fcluster(tree, 1.0 - max(LEAST_LIKENESS, TIMES_USUAL * usual), "distance")
    order = _leaves(tree)
    return np.split(order, np.flatnonzero(np.diff(group_of[order])) + 1)


def _likeness(counts_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of the shares in which two classes are taken for each other, (K, K), 0 on the diagonal."""
    shares = row_shares(counts_KK)
    likeness_KK: NDArray[np.float64] = (shares + shares.T) / 2
    np.fill_diagonal(likeness_KK, 0.0)
    return likeness_KK


def _tree(likeness_KK: NDArray[np.float64]) -> NDArray[np.float64]:
    """The linkage matrix of scipy."""
    distance = 1.0 - likeness_KK
    np.fill_diagonal(distance, 0.0)
    is_optimal = len(distance) <= ORDERED_OPTIMALLY
    tree: NDArray[np.float64] = linkage(squareform(distance), "average", optimal_ordering=is_optimal)
    return tree


def _leaves(tree: NDArray[np.float64]) -> NDArray[np.int64]:
    order: NDArray[np.int64] = leaves_list(tree).astype(np.int64)
    return order
