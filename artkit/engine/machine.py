"""What a run was made on: the machine, and the versions of what decides its numbers."""

import os
import platform
import sys
from importlib.metadata import version
from typing import Any

import torch


def machine_facts(device: torch.device) -> dict[str, Any]:
    """What a figure of speed needs beside it."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {"platform": platform.platform(), "cores": os.cpu_count(), "device": str(device), "gpu": gpu}


def version_facts() -> dict[str, str]:
    """Versions of what decides the numbers of a run."""
    packages = ("artkit", "torch", "torchvision", "numpy", "pillow", "simplejpeg", "scikit-learn")
    return {"python": sys.version.split()[0], **{package: version(package) for package in packages}}
