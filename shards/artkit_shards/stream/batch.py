"""What a loader delivers: consecutive positions of a plan, decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batch:
    """Positions of a plan that are seen in one step, decoded. It may be kept: nothing of it is ever written again."""

    images: torch.Tensor
    """RGB, uint8, (B, 3, S, S), in channels_last memory format."""
    labels: torch.Tensor
    """Class of each image in the main target, int64, (B,)."""
    targets: Mapping[str, torch.Tensor]
    """Class of each image in every target, int64, (B,), -1 where missing."""
    positions: torch.Tensor
    """Position of each image in the plan of the epoch, int64, (B,)."""
    rows: NDArray[np.int64]
    """Row of the sample in the split that each image is of, (B,)."""
    mask: torch.Tensor
    """bool, (B,): False for images that are repeated only to fill a rank's part of an epoch's last step."""
    split_keys: Sequence[str] = field(repr=False)
    """Keys of all samples of the split, by row."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Key of each sample in its shard."""
        return tuple(self.split_keys[row] for row in self.rows.tolist())
