"""Images enlarged before a model sees them.

The weights come from photographs of 224 pixels. Of an image of 64, the last stage sees 2 x 2 places, and its filters
look for details larger than the image; enlarged, the same image shows them more places, at more cost.
"""

from torch import Tensor, nn
from torch.nn import functional as F


def enlarge_images(model: nn.Module, factor: float) -> None:
    """Have `model` enlarge its images, (B, C, H, W) -> (B, C, factor * H, factor * W), bilinear; names stay."""

    def enlarge(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        (images_BCHW,) = inputs
        return (F.interpolate(images_BCHW, scale_factor=factor, mode="bilinear", align_corners=False),)

    if factor != 1:
        model.register_forward_pre_hook(enlarge)
