"""Names of timm's models, `resnet10t`, and of weights for them, whose tag stands behind a dot: `resnet10t.c3_in1k`."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import timm
from timm.models import get_pretrained_cfg, split_model_name_tag

from artkit import RecipeError

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """A model that timm has, and perhaps weights for it."""

    model: str
    tag: str
    """Of weights; "" for those that timm takes if nothing is said."""
    config: Mapping[str, Any]
    """What timm knows of the weights: "mean", "std", "input_size", ..."""

    @property
    def full(self) -> str:
        """As timm writes model and weights: "resnet10t.c3_in1k"."""
        return f"{self.model}.{self.tag}" if self.tag else self.model


def read_name(arch: str, tag: str | None = None) -> ModelName:
    """Look up what a user wrote.

    Args:
        arch: timm's name of a model, with or without a tag.
        tag: Replaces the one in `arch`.

    Raises:
        RecipeError: if there is no such model, or it has no weights of that tag.
    """
    model, own_tag = split_model_name_tag(arch)
    if not timm.is_model(model):
        close = ", ".join(get_close_matches(model, timm.list_models(), n=_SHOWN))
        raise RecipeError(
            f"timm {timm.__version__} has no model {model!r}."
            + (f" Closest: {close}." if close else "")
            + ' All of them: python -c "import timm; print(*timm.list_models())"'
        )
    name = ModelName(model=model, tag=tag or own_tag, config={})
    try:
        found = get_pretrained_cfg(name.full)
    except RuntimeError:
        raise RecipeError(f"timm {timm.__version__} has no weights {name.tag!r} for {model}; {_tags(model)}") from None
    config = {} if found is None else found.to_dict()
    return ModelName(model=model, tag=config.get("tag") or "", config=config)


def _tags(model: str) -> str:
    tags = [split_model_name_tag(full)[1] for full in timm.list_pretrained(f"{model}.*")]
    return f"it has {', '.join(tags)}" if tags else "it has none"
