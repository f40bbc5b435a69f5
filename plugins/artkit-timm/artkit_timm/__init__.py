"""Every model of timm as one component of artkit; timm's name of the model is an option.

names.py        which models and weights there are, and what comes close to a name that is none
building.py     builds a model for the images and classes of a run
pretrained.py   timm's weights, downloaded or from a file
stages.py       the parts of a model that fine-tuning freezes and thaws by
errors.py       what timm says when it fails, in a line

timm is imported when a model is built, not before: that takes seconds.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from artkit import Doc, Interval, ModelContext, RegisterModels, hookimpl

if TYPE_CHECKING:
    from torch import nn

__version__ = "0.1.0"

_Arch = Annotated[
    str, Doc("timm's name of the model, such as resnet10t, or with the tag of weights: resnet10t.c3_in1k")
]
_Pretrained = Annotated[bool, Doc("start from weights of timm, which are downloaded once")]
_File = Annotated[Path | None, Doc("a file that holds these weights, in place of a download")]
_Rate = Interval(ge=0, lt=1)
_DropRate = Annotated[float | None, _Rate, Doc("dropout before the head; none: as the model has it")]
_DropPathRate = Annotated[
    float | None, _Rate, Doc("largest share of dropped residual branches; none: as the model has it")
]
_Pool = Annotated[str | None, Doc("pooling before the head, such as avg, max, token; none: as the model has it")]
_Options = Annotated[
    dict[str, bool | int | float | str] | None,
    Doc("further arguments of the model in timm, such as {class_token = false}"),
]


@hookimpl
def artkit_models(register: RegisterModels) -> None:
    """Register the component."""
    register("timm", timm_model, examples=[{"arch": "resnet10t"}])


def timm_model(
    ctx: ModelContext,
    *,
    arch: _Arch,
    pretrained: _Pretrained = False,
    pretrained_file: _File = None,
    drop_rate: _DropRate = None,
    drop_path_rate: _DropPathRate = None,
    global_pool: _Pool = None,
    options: _Options = None,
) -> "nn.Module":
    """A model of timm, by its name there.

    `model.weights` may also be the tag of weights that timm has for it, such as c3_in1k. Images are normalised as these
    weights know them.
    """
    from artkit_timm.building import build

    general = {"drop_rate": drop_rate, "drop_path_rate": drop_path_rate, "global_pool": global_pool}
    given = {name: value for name, value in general.items() if value is not None}
    return build(ctx, arch, {**given, **(options or {})}, pretrained=pretrained, file=pretrained_file)
