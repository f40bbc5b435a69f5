"""Options that the core gives to every component of a kind, without their authors' doing."""

from typing import Annotated, Any

from artkit.annotations import Doc, Interval
from artkit.contracts import Kind
from artkit.options import OptionTable


def _augmenter(
    _: object,
    /,
    *,
    p: Annotated[
        float, Interval(ge=0, le=1), Doc("probability for each image, or for each step if it mixes images")
    ] = 1.0,
) -> float:
    return p


def _model(
    _: object,
    /,
    *,
    weights: Annotated[
        str | None, Doc("what to start from: a run's folder, a file, or a name that the model knows; none: nothing")
    ] = None,
) -> str | None:
    return weights


def _sampler(
    _: object,
    /,
    *,
    defer: Annotated[
        float, Interval(ge=0, lt=1), Doc("share of the epochs that show every image once, before the sampler decides")
    ] = 0.0,
) -> float:
    return defer


def _loss(
    _: object,
    /,
    *,
    defer: Annotated[
        float, Interval(ge=0, lt=1), Doc("share of the epochs in which classes count as they are drawn, uncorrected")
    ] = 0.0,
) -> float:
    return defer


def _other(_: object, /) -> None:
    return None


_FACTORIES: dict[Kind, Any] = {"augmenter": _augmenter, "model": _model, "sampler": _sampler, "loss": _loss}


def shared_options(kind: Kind, own: OptionTable | None = None) -> OptionTable:
    """The options of every component of a kind.

    They are `p` for augmenters, `weights` for models, `defer` for samplers and losses, none for the others.

    Args:
        kind: Of the component.
        own: The options of its own; what it has under the same name is left out here, for it means something else.
    """
    table = OptionTable.from_factory(_FACTORIES.get(kind, _other), owner=kind, plugin="artkit")
    taken = own.options if own is not None else {}
    return OptionTable({name: option for name, option in table.options.items() if name not in taken})
