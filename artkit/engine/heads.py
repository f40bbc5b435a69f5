"""Heads made of a trained head without new weights for every feature: a factor for each class.

Kang et al. 2020, "Decoupling representation and classifier for long-tailed recognition", sec. 4: a head that was
trained on the natural mix has long weight vectors for common classes and short ones for rare ones, and so prefers the
common ones. What is made here is written into an `nn.Linear` again, so the model keeps its form.

`B` images, `D` features, `K` classes.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Final

import torch
from torch import nn

from artkit.engine.progress import Progress

_STRONGEST: Final = 2.0
"""The largest strength of tau-normalisation that is tried."""


class ScaledHead(nn.Module):
    """Learnable weight scaling: the logits of a head that stands still, each times a factor that learns.

    Args:
        head: Left as it is.
    """

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        self._frozen = deepcopy(head).requires_grad_(False)
        self.scales_K = nn.Parameter(torch.ones_like(head.weight[:, 0]))

    def forward(self, features_BD: torch.Tensor) -> torch.Tensor:
        """Features (B, D) -> logits (B, K)."""
        logits_BK: torch.Tensor = self._frozen(features_BD) * self.scales_K
        return logits_BK

    @torch.no_grad()
    def write_to(self, head: nn.Linear) -> None:
        """Make a head give these logits."""
        head.weight.copy_(self._frozen.weight * self.scales_K[:, None])
        if head.bias is not None:
            head.bias.copy_(self._frozen.bias * self.scales_K)


class TauSearch:
    """Tau-normalisation: one strength an epoch is tried, evenly over 0 to 2; validation chooses.

    Args:
        head: Written over in every epoch.
        num_epochs: Strengths to try.
        columns: Outputs of each target.
    """

    def __init__(self, head: nn.Linear, num_epochs: int, columns: Sequence[slice]) -> None:
        self._columns = columns
        self._head = head
        self._source = deepcopy(head)
        self._last = max(num_epochs - 1, 1)

    def make(self, progress: Progress) -> dict[str, float]:
        """Write the head of the current epoch; returns its strength, "tau"."""
        tau = _STRONGEST * progress.epoch / self._last
        write_tau_normalised(self._source, tau, self._head, self._columns)
        return {"tau": tau}

    def observe(self, row: Mapping[str, float]) -> None:
        """Learn nothing from validation: what is tried next is settled."""


@torch.no_grad()
def write_tau_normalised(source: nn.Linear, tau: float, head: nn.Linear, columns: Sequence[slice]) -> None:
    """Divide each class's weights by their length to the power of tau; the bias is left out, as in the paper.

    All of a target are multiplied by one number that keeps the geometric mean of their lengths: that changes no answer,
    and probabilities stay about as sure as they were.

    Args:
        source: The head as it was trained, (K, D).
        tau: 0 keeps the weights, 1 makes all of them equally long.
        head: What to write to.
        columns: Outputs of each target.
    """
    lengths_K = source.weight.norm(dim=1).clamp(min=torch.finfo(source.weight.dtype).tiny)
    for part in columns:
        relative_K = lengths_K[part] / lengths_K[part].log().mean().exp()
        head.weight[part] = source.weight[part] / relative_K[:, None] ** tau
    if head.bias is not None:
        head.bias.zero_()
