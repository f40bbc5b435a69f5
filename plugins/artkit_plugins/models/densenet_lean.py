"""The parts of an SE-DenseNet that keep little for the backward pass: same parameters, outputs and gradients.

Where a normalisation or a convolution was exchanged for another module, such as `nn.SyncBatchNorm`, the part that holds
it runs in the plain form. Hooks on the normalisations and convolutions of a part are not called.
"""

from typing import ClassVar, cast

from torch import Tensor, nn
from torch.nn import functional as F

from artkit_plugins.models.densenet_layers import DenseBlock, DenseLayer, Transition
from artkit_plugins.models.densenet_recomputation import norm_relu_conv, norm_relu_pool, two_convolutions
from artkit_plugins.models.densenet_statistics import Pieces


class LeanLayer(DenseLayer):
    """Dense layer that keeps what its first convolution gives, beside the features that all layers share."""

    keeps_bottleneck: ClassVar[bool] = True

    def grow(self, pieces: Pieces) -> Tensor:
        """Features in pieces, C channels in all -> new channels (B, growth_rate, H, W)."""
        norms, convs = (self.norm1, self.norm2), (self.conv1, self.conv2)
        if not _as_built(*norms, *convs):
            return self.forward(pieces.joined())
        dropout = self.dropout if self.training else 0.0
        new = two_convolutions(norms, convs, pieces, dropout=dropout, keep=self.keeps_bottleneck)
        out: Tensor = self.se(F.dropout(new, dropout))
        return out


class LeanestLayer(LeanLayer):
    """Dense layer that keeps nothing but the features that all layers share."""

    keeps_bottleneck = False


class LeanBlock(DenseBlock):
    """Dense block whose layers share each feature and its statistics; its layers are lean."""

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, C, H, W) -> features with the new channels behind the old ones."""
        pieces = Pieces(features_BCHW)
        for layer in self.values():
            pieces.append(cast(LeanLayer, layer).grow(pieces))
        return pieces.joined()


class LeanTransition(Transition):
    """Transition that keeps its input and what its convolution gives."""

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, C, H, W) -> (B, out_channels, H // 2, W // 2)."""
        norm, relu, conv, pool = self
        if _as_built(norm, conv):
            features = norm_relu_conv(cast(nn.BatchNorm2d, norm), cast(nn.Conv2d, conv), Pieces(features_BCHW))
        else:
            features = conv(relu(norm(features_BCHW)))
        out: Tensor = pool(features)
        return out


class LeanFeatures(nn.Sequential):
    """Convolution, BN, ReLU and max-pool, whose first and last results are kept; then whatever follows."""

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Images -> what the last module makes of them."""
        conv, norm, relu, pool, *later = self
        features: Tensor = conv(images_BCHW)
        if _as_built(norm):
            features = norm_relu_pool(cast(nn.BatchNorm2d, norm), cast(nn.MaxPool2d, pool), features)
        else:
            features = pool(relu(norm(features)))
        for module in later:
            features = module(features)
        return features


def _as_built(*modules: nn.Module) -> bool:
    return all(type(module) in (nn.BatchNorm2d, nn.Conv2d) for module in modules)
