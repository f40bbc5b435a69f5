"""Where a model's head is, and the stages before it; found by looking, or said by the model.

The *head* turns features into logits; it belongs to the classes and starts anew with them. The *backbone* is all the
rest, and its *stages* are the parts that it is frozen and thawed by, in order from the image to the head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

ATTRIBUTE = "artkit_stages"
"""Where a model says its stages."""


class StructureError(ValueError):
    """A model whose stages are not known; the message fits behind the model's name."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The stages of a model, by the names of its submodules and parameters; what they leave out is the head."""

    model: nn.Module
    stages: tuple[tuple[str, ...], ...]
    """Names in each stage, from the image to the head."""

    def stage_of(self, name: str) -> int | None:
        """The stage that a parameter or buffer belongs to, from 0; None if it is the head's."""
        for stage, parts in enumerate(self.stages):
            if any(name == part or name.startswith(f"{part}.") for part in parts):
                return stage
        return None

    def modules(self, stage: int) -> Iterator[nn.Module]:
        """The submodules that make up a stage."""
        known = dict(self.model.named_modules(remove_duplicate=False))
        return (known[name] for name in self.stages[stage] if name in known)


def find_structure(model: nn.Module, num_outputs: int) -> Structure:
    """Find head and stages of a model.

    A model says them in the attribute `artkit_stages`. For others, the head is the last `nn.Linear` with `num_outputs`
    outputs, and the stages are the children before it; a lone child is opened, so that its children are the stages.

    Args:
        model: Any module.
        num_outputs: Number of logits, K.

    Raises:
        StructureError: if there is no such layer or something behind it, or `artkit_stages` names what is not there.
    """
    said = getattr(model, ATTRIBUTE, None)
    return Structure(model, _look(model, num_outputs) if said is None else _check(model, said))


def find_head(model: nn.Module, num_outputs: int) -> nn.Linear:
    """Find the one layer that a model's head consists of.

    Args:
        model: Any module.
        num_outputs: Number of logits, K.

    Raises:
        StructureError: if it is not clear where the head is, or it is something else than one `nn.Linear` with K
            outputs.
    """
    structure = find_structure(model, num_outputs)
    names = [name for name, _ in model.named_parameters() if structure.stage_of(name) is None]
    heads = {name.rpartition(".")[0]: model.get_submodule(name.rpartition(".")[0]) for name in names}
    head = next(iter(heads.values()))
    # A class derived from it may compute something else.
    if len(heads) > 1 or type(head) is not nn.Linear or head.out_features != num_outputs:
        parts = ", ".join(f"{name or 'itself'} ({type(part).__name__})" for name, part in heads.items())
        raise StructureError(
            f"has a head that is not one nn.Linear with {num_outputs} outputs: {parts}; if one is the last of them, "
            f"{_remedy()}"
        )
    return head


def _check(model: nn.Module, said: Sequence[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    stages = tuple((stage,) if isinstance(stage, str) else tuple(stage) for stage in said)
    names = {name for name, _ in (*model.named_modules(remove_duplicate=False), *model.named_parameters())}
    unknown = [name for stage in stages for name in stage if name not in names or not name]
    if unknown:
        raise StructureError(f"says in {ATTRIBUTE} that it has a part {unknown[0]!r}, which it does not have")
    structure = Structure(model, stages)
    if all(structure.stage_of(name) is not None for name, _ in model.named_parameters()):
        raise StructureError(f"has all its parameters in {ATTRIBUTE}; leave out the head, which belongs to no stage")
    return stages


def _look(model: nn.Module, num_outputs: int) -> tuple[tuple[str, ...], ...]:
    heads = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == num_outputs
    ]
    if not heads:
        raise StructureError(f"has no nn.Linear with {num_outputs} outputs that could be its head; {_remedy()}")
    if not heads[-1]:
        return ()
    before, loose = _parts_before(model, heads[-1])
    stages = _join_norms(model, before)
    while len(stages) == 1 and len(inner := _parts(model.get_submodule(before[0]), before[0])) > 1:
        loose += _own_parameters(model.get_submodule(before[0]), before[0])
        before = [*inner, *before[1:]]
        stages = _join_norms(model, before)
    if loose:
        # Tokens and positions are added to what the first layers make of the image.
        stages = [(*loose, *stages[0]), *stages[1:]] if stages else [tuple(loose)]
    return tuple(stages)


def _parts_before(model: nn.Module, head: str) -> tuple[list[str], list[str]]:
    """Parts with tensors in front of the head, and parameters that lie beside them."""
    parts, loose, prefix = [], [], ""
    while prefix != head:
        container = model.get_submodule(prefix)
        loose += _own_parameters(container, prefix)
        names = _parts(container, prefix)
        holder = next(name for name in names if head == name or head.startswith(f"{name}."))
        if holder != names[-1]:
            raise StructureError(
                f"has '{names[-1]}' behind its last layer with as many outputs as classes, '{head}', so that its "
                f"order is not clear; {_remedy()}"
            )
        parts += names[:-1]
        prefix = holder
    return parts, loose


def _parts(module: nn.Module, prefix: str) -> list[str]:
    """Children that hold tensors."""
    children = [(name, child) for name, child in module.named_children() if child.state_dict()]
    return [_joined(prefix, name) for name, _ in children]


def _own_parameters(module: nn.Module, prefix: str) -> list[str]:
    return [_joined(prefix, name) for name, _ in module.named_parameters(recurse=False)]


def _join_norms(model: nn.Module, names: Sequence[str]) -> list[tuple[str, ...]]:
    """A stage for each name; a normalisation belongs to the stage before it."""
    stages: list[tuple[str, ...]] = []
    for name in names:
        is_norm = all(tensor.ndim <= 1 for tensor in _tensors(model.get_submodule(name)))
        if is_norm and stages:
            stages[-1] = (*stages[-1], name)
        else:
            stages.append((name,))
    return stages


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return list(module.state_dict().values())


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _remedy() -> str:
    return (
        f"let the model say it: model.{ATTRIBUTE} = [['conv1', 'bn1'], 'layer1', ...], the names of its parts from the "
        "image to the head, without the head"
    )
