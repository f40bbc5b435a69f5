"""A trained model as a file for other programs, checked before it is handed out."""

import warnings
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import torch

from artkit.engine.exporting.checking import largest_difference, real_images
from artkit.engine.exporting.facts import export_facts, output_names
from artkit.engine.exporting.formats import Format
from artkit.engine.exporting.portable import PortableModel
from artkit.engine.predicting import Predictor
from artkit.errors import RunError

MOST_DIFFERENCE: Final = 1e-4
"""What differs by more from PyTorch is refused."""

_LONGEST: Final = 300
"""Characters of an exporter's message that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model as a file."""

    data: bytes
    """The whole file."""
    difference: float
    """How far its logits are from those of PyTorch, see `largest_difference`."""
    num_images: int
    """Real images that this was measured with."""
    outputs: tuple[str, ...]
    """Names of its outputs."""


def export_model(predictor: Predictor, format_: Format, *, run: str) -> Exported:
    """Make a file of a model that gives a predictor's answers, in float32.

    Args:
        predictor: On the CPU.
        format_: What kind of file; its packages are installed.
        run: The run's name.

    Raises:
        RunError: if the model cannot be exported, or the file answers otherwise than PyTorch.
    """
    trained = predictor.trained
    model = PortableModel(
        _plain(trained.model),
        trained.preprocessing,
        trained.heads,
        tau=predictor.tau,
        mirrored=predictor.mirrored,
        temperatures=predictor.temperatures,
    ).eval()
    images_BHWC = real_images(predictor)
    outputs = output_names(trained.heads)
    size = trained.preprocessing.image_size
    owner = trained.recipe.model.component.owner
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # exporters warn of their own insides
            data = format_.write(model, torch.rand(2, 3, size, size), outputs, export_facts(predictor, run))
            difference = largest_difference(model, format_.load(data), images_BHWC)
    except Exception as error:  # whatever an exporter, or a runtime, trips over in a model
        headline = next(iter(str(error).strip().splitlines()), "no reason given")
        raise RunError(
            f"{owner} cannot be exported as {format_.name}: {type(error).__name__}: {headline[:_LONGEST]}"
        ) from error
    if difference > MOST_DIFFERENCE:
        raise RunError(
            f"{owner}, exported as {format_.name}, differs from PyTorch by {difference:.1g} on {len(images_BHWC)} real "
            f"images, and more than {MOST_DIFFERENCE:g} is too much; nothing was written"
        )
    return Exported(data=data, difference=difference, num_images=len(images_BHWC), outputs=tuple(outputs))


def _plain(model: torch.nn.Module) -> torch.nn.Module:
    """A copy without gradients, in the usual order of axes."""
    copy = deepcopy(model).requires_grad_(False)
    for tensor in (*copy.parameters(), *copy.buffers()):
        tensor.data = tensor.data.contiguous()
    return copy
