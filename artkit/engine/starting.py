"""What a model starts from: random numbers, pretrained weights that its factory knows, an earlier run, or a file.

All tensors of the backbone must fit. The head belongs to the classes: it is taken over if a run had the very same ones,
or if a file that does not tell its classes has a head of the same shape; else it starts anew.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from artkit.contracts import ModelContext, Pretrained
from artkit.engine.returned import check_model
from artkit.engine.structure import StructureError, find_structure
from artkit.engine.weights import Weights, read_weights, weights_file
from artkit.errors import RecipeError
from artkit.recipe import Choice
from artkit.registry import Component

_SHOWN: Final = 5
"""Names of tensors in an error."""

ClassNames = Sequence[Sequence[str]]
"""Of each target, in the order of the logits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a model starts from."""

    pretrained: Pretrained | None = None
    """None: random numbers."""
    note: str | None = None
    """A line for the user, if there is more to say than the recipe does."""


def build_model(
    choice: Choice, class_names: ClassNames, image_size: int, *, load_weights: bool = True
) -> tuple[nn.Module, Start]:
    """Build a model and give it the weights to start from.

    Args:
        choice: The model and its options, `weights` among them.
        class_names: Classes to learn in each target; there are as many outputs.
        image_size: Height and width of the images in pixels.
        load_weights: False if a checkpoint is going to replace all weights: none are looked for then.

    Raises:
        RecipeError: if the weights are not known, or do not fit.
        RunError: if their file cannot be read.
        ComponentError: if the model cannot be built.
    """
    given: str | None = choice.shared.get("weights") if load_weights else None
    file = None if given is None else weights_file(given)
    model: nn.Module = choice.component.build(
        ModelContext(
            num_outputs=sum(map(len, class_names)),
            image_size=image_size,
            weights=given if file is None else None,
            load_weights=load_weights and file is None,
        ),
        choice.options,
    )
    check_model(model, choice.component)
    if file is not None:
        return model, start_from(model, read_weights(file), class_names, choice.component)
    pretrained: Pretrained | None = getattr(model, "artkit_pretrained", None)
    if given is not None and (pretrained is None or pretrained.name != given):
        raise RecipeError(
            f"model.weights={given!r} is neither a file nor the folder of a run, and {choice.component.owner} knows no "
            "weights of that name"
        )
    return model, Start(pretrained=pretrained)


def start_from(model: nn.Module, weights: Weights, class_names: ClassNames, component: Component) -> Start:
    """Load weights into a model.

    Args:
        model: Changed in place.
        weights: All of its backbone must fit.
        class_names: Classes that the model is to learn in each target.
        component: The model's, named in errors.

    Raises:
        RecipeError: if names or shapes differ outside the head; the model is unchanged then.
    """
    head = _head_keys(model, sum(map(len, class_names)))
    own = model.state_dict()
    given = {name.removeprefix("module."): values for name, values in weights.tensors.items()}
    keeps_head = _has_same_head(weights, given, own, head, class_names)
    tensors = given if keeps_head else {name: values for name, values in given.items() if name not in head}
    _check_fit(tensors, own, () if keeps_head else head, weights.path, component)
    model.load_state_dict(tensors, strict=False)
    seen = weights.preprocessing
    pretrained = Pretrained(
        source=str(weights.path), pixel_mean=seen.mean if seen else None, pixel_std=seen.std if seen else None
    )
    is_new = "" if keeps_head else "; its head starts anew, for the classes are others"
    return Start(pretrained=pretrained, note=f"the model starts from {weights.path}{is_new}")


def _head_keys(model: nn.Module, num_outputs: int) -> frozenset[str]:
    try:
        structure = find_structure(model, num_outputs)
    except StructureError:
        return frozenset()  # then all of it must fit
    return frozenset(name for name in model.state_dict() if structure.stage_of(name) is None)


def _has_same_head(
    weights: Weights,
    given: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    head: Collection[str],
    class_names: ClassNames,
) -> bool:
    if weights.class_names is not None:
        return [tuple(names) for names in weights.class_names] == [tuple(names) for names in class_names]
    return all(name in given and given[name].shape == own[name].shape for name in head)


def _check_fit(
    tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], new: Collection[str], path: Path, component: Component
) -> None:
    """Raise RecipeError, saying what fits and what does not, unless all tensors but the new ones are there and fit."""
    # Files from before PyTorch 0.4.1 do not count batches.
    wanted = {name for name in own if name not in new and not name.endswith("num_batches_tracked")}
    common = tensors.keys() & own.keys()
    misfits = [name for name in common if tensors[name].shape != own[name].shape]
    faults = [
        *_fault("missing", wanted - tensors.keys()),
        *_fault("not in the model", tensors.keys() - own.keys()),
        *_fault("of another shape", [f"{n} {_shape(tensors[n])} for {_shape(own[n])}" for n in misfits]),
    ]
    if faults:
        raise RecipeError(
            f"the weights in {path} do not fit {component.owner}, only {len(common) - len(misfits)} of its {len(own)} "
            f"tensors; {'; '.join(faults)}. Choose the model, and its options, that they were made with"
        )


def _fault(what: str, names: Iterable[str]) -> list[str]:
    found = sorted(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"{what}: {', '.join(found[:_SHOWN])}{more}"] if found else []


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
