"""The formats of exported models: making such a file from a graph, and running it as its users do.

`B` images, `S` pixels a side, `K` classes of a target.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.exporting.facts import INPUT
from artkit.engine.exporting.portable import PortableModel
from artkit.errors import RunError

FormatName = Literal["onnx", "torch-export"]

Runner = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]
"""Images in [0, 1], (B, 3, S, S) -> the logits of each target, (B, K)."""

FACTS_FILE: Final = "artkit.json"
"""Where a torch.export file has its facts."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exported models."""

    name: FormatName
    ending: str
    """Of its files."""
    packages: tuple[str, ...]
    """That it needs, besides torch."""
    write: Callable[[PortableModel, torch.Tensor, Sequence[str], Mapping[str, str]], bytes]
    """Makes a file of a graph, an example of its images, the names of its outputs, and its facts."""
    load: Callable[[bytes], Runner]
    """Makes what runs a file."""

    def check_packages(self) -> None:
        """Raise RunError unless its packages are installed."""
        missing = [package for package in self.packages if find_spec(package) is None]
        if missing:
            raise RunError(
                f"the format {self.name} needs {' and '.join(missing)}; install what it takes with: "
                "pip install 'artkit[export]'"
            )


def _write_onnx(model: PortableModel, example: torch.Tensor, outputs: Sequence[str], facts: Mapping[str, str]) -> bytes:
    import onnx

    program = torch.onnx.export(
        model,
        (example,),
        dynamo=True,
        input_names=[INPUT],
        output_names=list(outputs),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None
    proto = program.model_proto
    onnx.helper.set_model_props(proto, dict(facts))
    return bytes(proto.SerializeToString())


def _load_onnx(data: bytes) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda images: list(session.run(None, {INPUT: images}))


def _write_torch(
    model: PortableModel, example: torch.Tensor, _outputs: Sequence[str], facts: Mapping[str, str]
) -> bytes:
    program = torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={FACTS_FILE: json.dumps(dict(facts), ensure_ascii=False, indent=2)})
    return file.getvalue()


def _load_torch(data: bytes) -> Runner:
    module = torch.export.load(io.BytesIO(data)).module()
    return lambda images: [logits.numpy() for logits in module(torch.from_numpy(images))]


FORMATS: Final[dict[str, Format]] = {
    one.name: one
    for one in (
        Format("onnx", ".onnx", ("onnx", "onnxruntime", "onnxscript"), _write_onnx, _load_onnx),
        Format("torch-export", ".pt2", (), _write_torch, _load_torch),
    )
}
