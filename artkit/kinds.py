"""The kinds of component that plugins provide; apart from their contracts, for whoever needs no more than the words."""

from typing import Final, Literal, get_args

Kind = Literal["model", "augmenter", "sampler", "loss", "optimizer", "schedule", "reporter", "source"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""The kinds of component, as they are written in recipes and on the command line."""

SINGLE: Final[tuple[Kind, ...]] = ("model", "sampler", "loss", "optimizer", "schedule")
"""Those of which a run has one."""

SEVERAL: Final[tuple[Kind, ...]] = ("augmenter", "reporter")
"""Those of which a run has any number."""
