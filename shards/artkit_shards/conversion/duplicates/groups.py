"""Groups: what is joined by pairs, directly or through others, is one group (Tarjan 1975, union-find).

Members are numbers from 0. A group is named by its smallest member.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Groups:
    """Disjoint groups of numbers, each alone at first.

    Args:
        size: Members are the numbers below it.
    """

    def __init__(self, size: int) -> None:
        self._group = np.arange(size, dtype=np.int64)

    def join(self, pairs: NDArray[np.int64]) -> None:
        """Make one group of those of both members of each pair, (P, 2)."""
        if not len(pairs):
            return
        for one, other in self._group[pairs].tolist():
            low, high = sorted((self._root(one), self._root(other)))
            self._group[high] = low
        while True:
            shorter = self._group[self._group]
            if np.array_equal(shorter, self._group):
                return
            self._group = shorter

    def of(self, members: ArrayLike) -> NDArray[np.int64]:
        """The groups of members, of the same shape."""
        return self._group[np.asarray(members, dtype=np.int64)]

    def _root(self, member: int) -> int:
        while (above := int(self._group[member])) != member:
            member = above
        return member
