"""What the head of a model is given for each image: its features, overheard in a forward pass.

`B` images, `D` features, `K` classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class HeadInput:
    """Hears what a head is given and what it says to that, while a model computes in `listening`. Not thread-safe.

    Args:
        head: The last layer of a model.
    """

    def __init__(self, head: nn.Linear) -> None:
        self._head = head
        self._heard: list[tuple[torch.Tensor, torch.Tensor]] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Around one forward pass; what was heard before is forgotten."""
        self._heard.clear()
        hook = self._head.register_forward_hook(lambda _, given, said: self._heard.append((given[0], said)))
        try:
            yield
        finally:
            hook.remove()

    def features(self, logits_BK: torch.Tensor) -> torch.Tensor | None:
        """Features of the images of the pass, (B, D).

        Args:
            logits_BK: What the model returned in it, in any precision that tells apart what the model's own does.

        Returns:
            None if the logits are not what the head said: something comes behind it, or it was called more than once.
        """
        heard, self._heard = self._heard, []  # lets go of what may be a large part of the memory
        if len(heard) != 1:
            return None
        given, said = heard[0]
        # A model that has gone astray says something that does not equal itself.
        is_last = given.ndim == 2 and torch.equal(said.to(logits_BK.dtype).nan_to_num(), logits_BK.nan_to_num())
        return given if is_last else None
