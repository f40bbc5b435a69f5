"""Files of weights in installed packages: found by the package's metadata, never by importing it.

To import such a package would run its code and want its dependencies, OpenCV for one, of which a file needs nothing.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor

from artkit import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedWeights:
    """A file of weights in a package."""

    package: str
    """Name of the distribution."""
    version: str
    file: str
    """Path below the folder that packages are installed in."""
    sha256: str
    install: str
    """The command that installs it."""

    @property
    def source(self) -> str:
        """Where the weights come from, for people."""
        return f"ImageNet, from {self.package} {self.version}"

    def load(self) -> dict[str, Tensor]:
        """Read the weights; no code in the file is run.

        Raises:
            RecipeError: if the package is not installed, or its file is another one.
        """
        return dict(torch.load(self.find(), map_location="cpu", weights_only=True))

    def find(self) -> Path:
        """The file, whose content is checked.

        Raises:
            RecipeError: if the package is not installed, or its file is another one.
        """
        otherwise = "or start from random numbers: --set model.pretrained=false"
        try:
            path = Path(str(distribution(self.package).locate_file(self.file)))
        except PackageNotFoundError:
            raise RecipeError(
                f"the weights are in the package {self.package}, which is not installed; install it: {self.install}, "
                f"{otherwise}"
            ) from None
        if not path.is_file() or _sha256(path) != self.sha256:
            raise RecipeError(
                f"{path} is not the file of {self.package} {self.version}; install that version: {self.install}, "
                f"{otherwise}"
            )
        return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
