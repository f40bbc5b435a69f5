"""What the normalisations of a dense block work with: statistics of each channel, computed once for all who read it.

Plain layers normalise everything before them anew, though the mean and variance of a channel are the same for each of
them. Here they are computed when the channel is made; running averages move as those of `nn.BatchNorm2d` do.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

Moments = tuple[Tensor, Tensor]
"""Mean and variance (C,) over batch, height and width; the variance divides by n; float32 or wider."""


class Normalisation(NamedTuple):
    """Scale and shift (C,) of a batch norm, and the statistics (C,) that it goes by; float32 or wider."""

    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor


class Pieces:
    """Features of a dense block as they grow, (B, C1, H, W), (B, C2, H, W), ..., with the moments of each piece.

    Args:
        first: Input of the block (B, C1, H, W).
    """

    def __init__(self, first: Tensor) -> None:
        self.tensors = [first]
        self._moments: list[Moments] = []

    def append(self, new: Tensor) -> None:
        """Add channels (B, k, H, W) behind the others."""
        self.tensors.append(new)

    def joined(self) -> Tensor:
        """Give all channels in one tensor (B, C1 + C2 + ..., H, W)."""
        return join(self.tensors)

    def moments(self) -> Moments:
        """Give the moments of all channels.

        Raises:
            ValueError: There is one value a channel.
        """
        for tensor in self.tensors[len(self._moments) :]:
            self._moments.append(_moments(tensor))
        means, variances = zip(*self._moments, strict=True)
        return torch.cat(means), torch.cat(variances)


def join(pieces: Sequence[Tensor]) -> Tensor:
    """Concatenate along channels; one piece stays itself."""
    return torch.cat(list(pieces), dim=1) if len(pieces) > 1 else pieces[0]


@torch.no_grad()
def normalisation(norm: nn.BatchNorm2d, pieces: Pieces) -> Normalisation:
    """Give what `norm` does to the features next; if it is in training, its running statistics move.

    No gradient flows through the statistics given: who uses those of a batch takes their part into account.

    Raises:
        ValueError: `norm` is in training and there is one value a channel.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    if not norm.training:
        return Normalisation(norm.weight, norm.bias, norm.running_mean, norm.running_var)
    mean, variance = pieces.moments()
    count = pieces.tensors[0][:, 0].numel()
    _move(norm, mean, variance * (count / (count - 1)))
    return Normalisation(norm.weight, norm.bias, mean, variance)


def _moments(features_BCHW: Tensor) -> Moments:
    """Mean and variance in two passes: as exact as any, and faster on CPUs than `torch.var_mean`."""
    if features_BCHW[:, 0].numel() == 1:
        raise ValueError(
            f"Batch statistics of one value a channel, features {list(features_BCHW.shape)}: training needs a larger "
            "batch or larger images."
        )
    features = features_BCHW.detach()
    dtype = torch.promote_types(features.dtype, torch.float32)
    mean = features.mean((0, 2, 3), dtype=dtype)
    variance = (features - mean[:, None, None]).square_().mean((0, 2, 3))
    return mean, variance


def _move(norm: nn.BatchNorm2d, mean: Tensor, unbiased_variance: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), share)
    norm.running_var.lerp_(unbiased_variance.to(norm.running_var.dtype), share)
