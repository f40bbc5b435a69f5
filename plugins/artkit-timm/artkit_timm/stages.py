"""The stages of a model of timm: what its own `group_matcher` says, with the classifier left out.

timm groups tensors by patterns of their names, coarsely: a group for each stage of a convolutional network, or for each
block of a transformer. What it groups with the classifier, such as a last normalisation, belongs to the last stage.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from timm.models._manipulate import group_with_matcher
from torch import nn


def find_stages(model: Any) -> list[list[str]] | None:
    """Name the parts of each stage, from the image to the head, without the head.

    Args:
        model: Of timm.

    Returns:
        Names of submodules, parameters and buffers; None if timm does not say groups, or not where the classifier is.
    """
    tensors = list(model.state_dict())
    head = classifier_tensors(model)
    if not head or not hasattr(model, "group_matcher"):
        return None
    groups = group_with_matcher(((name, None) for name in tensors), model.group_matcher(coarse=True), reverse=True)
    backbone = [name for name in tensors if name not in head]
    known = sorted({groups[name] for name in backbone} - {groups[name] for name in head})
    if not known:
        return None
    stage_of = {name: known.index(groups[name]) if groups[name] in known else len(known) - 1 for name in backbone}
    stages: list[list[str]] = [[] for _ in known]
    for part, stage in _parts(model, "", stage_of, head):
        stages[stage].append(part)
    return stages


def classifier_tensors(model: Any) -> set[str]:
    """Names of the parameters and buffers of the layers, of a model of timm, that turn features into logits."""
    said = (getattr(model, "pretrained_cfg", None) or {}).get("classifier") or ()
    parts = (said,) if isinstance(said, str) else tuple(said)
    return {name for name in model.state_dict() if _is_in(name, parts)}


def _parts(
    module: nn.Module, prefix: str, stage_of: Mapping[str, int], head: Collection[str]
) -> Iterator[tuple[str, int]]:
    """The largest submodules that lie in one stage each, and the tensors beside them."""
    names = [name for name in (*stage_of, *head) if _is_in(name, (prefix,))] if prefix else [*stage_of, *head]
    found = {stage_of.get(name) for name in names}
    if prefix and len(found) == 1:
        (stage,) = found
        if stage is not None:
            yield prefix, stage
        return
    children = [_joined(prefix, name) for name, _ in module.named_children()]
    for name in names:
        if name in stage_of and not any(_is_in(name, (child,)) for child in children):
            yield name, stage_of[name]
    for child, (_, submodule) in zip(children, module.named_children(), strict=True):
        yield from _parts(submodule, child, stage_of, head)


def _is_in(name: str, parts: Collection[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
