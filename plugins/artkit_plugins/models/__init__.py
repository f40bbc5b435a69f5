"""Models: images (B, 3, H, W), normalised floats -> logits (B, num_outputs)."""

from typing import TYPE_CHECKING, Annotated, Literal

from artkit import Doc, Ge, Interval, ModelContext, RecipeError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["resnet", "se_densenet", "small_resnet"]

_FINE_SIZE = 96
"""Pixels up to which a small ResNet does not pool: strokes would be lost. Larger images show them anyway."""

Dropout = Annotated[float, Interval(ge=0, lt=1), Doc("share of the pooled features set to 0 in training")]


def se_densenet(
    ctx: ModelContext,
    *,
    growth_rate: Annotated[int, Ge(1), Doc("channels that each layer adds")] = 16,
    layers: Annotated[tuple[int, ...], Ge(1), Doc("layers of each dense block")] = (6, 12, 24, 16),
    reduction: Annotated[float, Interval(ge=0, lt=1), Doc("share of the channels dropped between blocks")] = 0.5,
    init_channels: Annotated[int, Ge(1), Doc("channels after the stem")] = 64,
    stem: Annotated[
        Literal["imagenet", "small", "tiny"],
        Doc("imagenet: 7x7 and pooling, a quarter of the size; small: 3x3, half; tiny: 3x3, all of it"),
    ] = "imagenet",
    se_placement: Annotated[
        Literal["block", "layer", "none"],
        Doc("squeeze-and-excitation after each block or each layer, and after transitions; or nowhere"),
    ] = "block",
    se_ratio: Annotated[int, Ge(1), Doc("channels per hidden unit of squeeze-and-excitation")] = 16,
    se_min_width: Annotated[int, Ge(1), Doc("fewest hidden units; 8 keeps small growth rates from a bottleneck")] = 1,
    dropout: Annotated[float, Interval(ge=0, lt=1), Doc("share of values set to 0 after each convolution")] = 0.0,
    memory: Annotated[
        Literal["auto", "plain", "lean", "leanest"],
        Doc("plain: all is kept for gradients; lean: computed twice if cheap; leanest: more; auto: lean with a GPU"),
    ] = "auto",
) -> "nn.Module":
    """DenseNet with squeeze-and-excitation: few parameters, slow for its size."""
    _check_stages("layers", layers)
    import torch

    from artkit_plugins.models.densenet import SEDenseNet, smallest_image

    smallest = smallest_image(stem, len(layers))
    if ctx.image_size < smallest:
        raise RecipeError(
            f"image_size={ctx.image_size} is too small for {len(layers)} dense blocks behind the stem '{stem}': "
            f"use at least {smallest}, fewer model.layers, or model.stem=tiny."
        )
    if memory == "auto":
        memory = "lean" if torch.cuda.is_available() else "plain"
    return SEDenseNet(
        ctx.num_outputs,
        growth_rate=growth_rate,
        layers=layers,
        reduction=reduction,
        init_channels=init_channels,
        stem=stem,
        se_placement=se_placement,
        se_ratio=se_ratio,
        se_min_width=se_min_width,
        dropout=dropout,
        memory=memory,
        in_channels=ctx.in_channels,
    )


def resnet(
    ctx: ModelContext,
    *,
    depth: Annotated[Literal[18, 34, 50, 101, 152], Doc("layers")] = 50,
    dropout: Dropout = 0.0,
) -> "nn.Module":
    """ResNet of torchvision; knows its names of pretrained weights, such as DEFAULT."""
    from artkit_plugins.models.pretrained import build_resnet

    return build_resnet(depth, ctx.num_outputs, weights=ctx.weights, dropout=dropout, in_channels=ctx.in_channels)


def small_resnet(
    ctx: ModelContext,
    *,
    width: Annotated[int, Ge(1), Doc("channels of the first stage; each further stage doubles them")] = 32,
    blocks: Annotated[tuple[int, ...], Ge(1), Doc("residual blocks of each stage")] = (1, 1, 1, 1),
    stem: Annotated[
        Literal["auto", "small", "pooled"],
        Doc("small: 3x3, half of the size; pooled: and pooling, a quarter; auto: small up to 96 pixels"),
    ] = "auto",
    dropout: Dropout = 0.0,
) -> "nn.Module":
    """Short and wide ResNet for small images: the fastest to learn on a CPU."""
    _check_stages("blocks", blocks)
    from artkit_plugins.models.basic_resnet import SmallResNet

    pools = stem == "pooled" or (stem == "auto" and ctx.image_size > _FINE_SIZE)
    return SmallResNet(
        ctx.num_outputs, width=width, blocks=blocks, pools=pools, dropout=dropout, in_channels=ctx.in_channels
    )


def _check_stages(option: str, stages: tuple[int, ...]) -> None:
    if not stages:
        raise RecipeError(f"model.{option} is empty. Give one number for each stage, such as 1,1,1,1.")
