"""The model's forward pass as code of its own, fused by torch.compile where there is a compiler.

Only whole training batches are computed by it. Batches of other sizes would each be compiled anew, or by a more general
code whose last bits differ, depending on which size came first: a resumed run would not be the undisturbed one. What is
judged is computed by the plain model, as everyone else who loads the weights computes it.
"""

import itertools
import warnings
from collections.abc import Callable

import torch

Forward = Callable[[torch.Tensor], torch.Tensor]


def compile_model(model: torch.nn.Module, device: torch.device, tell: Callable[[str], None]) -> Forward:
    """The model as a compiled function of images; it has the same parameters, under the same names.

    Args:
        model: What to compile; it is not changed.
        device: Where it is.
        tell: Shows one line to the user.

    Returns:
        What was compiled, or the model itself if nothing can be compiled here.
    """
    try:
        # What torch imports for its first compilation may warn of its own accord. Where warnings are errors, that would
        # keep it from compiling.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.compile(_twice)(torch.ones(1, device=device))
    except RuntimeError as error:
        tell(f"train.compile has no effect, for nothing can be compiled on this machine ({_reason(error)})")
        return model
    compiled: Forward = torch.compile(model, dynamic=False)
    return compiled


def _reason(error: RuntimeError) -> str:
    """Torch's headline and the cause below it, without its advice on debugging: the headline alone names no cause."""
    lines = (line.strip() for line in str(error).splitlines())
    return " ".join(itertools.islice(filter(None, lines), 3))


def _twice(values: torch.Tensor) -> torch.Tensor:
    return values + values
