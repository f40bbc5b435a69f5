"""Samplers: how often each training sample appears in an epoch, as whole numbers; the plan says when.

The factories with their options are here, light to import; what they build is in

    once.py           every sample once
    dealing.py        a class's appearances, dealt out to its samples
    shares.py         how many appearances each class gets
    moving_shares.py  the same where it changes from epoch to epoch
    column_groups.py  samples by what a column of the data set says of them

No module has the name of a factory: it would take the factory's place here as soon as it is imported.
"""

from typing import TYPE_CHECKING, Annotated

from artkit import Doc, Ge, Gt, RecipeError, Sampler, SamplerContext, weights_by_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["by_class", "by_column", "class_balanced", "natural", "progressive", "repeat_factor", "sqrt"]


def natural(ctx: SamplerContext) -> Sampler:
    """Every image once an epoch."""
    from artkit_plugins.samplers.once import OnceSampler

    _check_images(ctx)
    return OnceSampler(len(ctx.labels))


def class_balanced(
    ctx: SamplerContext,
    *,
    size: Annotated[int | None, Ge(1), Doc("appearances in an epoch; none: as many as there are images")] = None,
) -> Sampler:
    """Every class equally often, to within one, and so every image of a class; the ones left over rotate."""
    from artkit_plugins.samplers.dealing import DealingSampler
    from artkit_plugins.samplers.shares import equal_shares

    shares = equal_shares(_class_counts(ctx), len(ctx.labels) if size is None else size)
    return DealingSampler(ctx.labels, ctx.seed, shares)


def sqrt(ctx: SamplerContext) -> Sampler:
    """Classes in proportion to the square root of their images: half way between natural and balanced."""
    from artkit_plugins.samplers.dealing import DealingSampler
    from artkit_plugins.samplers.shares import square_root_shares

    return DealingSampler(ctx.labels, ctx.seed, square_root_shares(_class_counts(ctx)))


def progressive(ctx: SamplerContext) -> Sampler:
    """From natural in the first epoch to balanced in the last one, in even steps (Kang et al. 2020)."""
    from artkit_plugins.samplers.dealing import DealingSampler
    from artkit_plugins.samplers.moving_shares import progressive_shares

    return DealingSampler(ctx.labels, ctx.seed, progressive_shares(_class_counts(ctx), ctx.num_epochs))


def repeat_factor(
    ctx: SamplerContext,
    *,
    threshold: Annotated[
        float | None, Gt(0), Doc("share of all images below which a class is repeated; none: 1 / number of classes")
    ] = None,
    cap: Annotated[float, Ge(1), Doc("most repeats of a class")] = 8.0,
) -> Sampler:
    """Every image at least once, rare classes more often: sqrt(threshold / share) times."""
    from artkit_plugins.samplers.dealing import DealingSampler
    from artkit_plugins.samplers.shares import repeat_factor_shares

    return DealingSampler(ctx.labels, ctx.seed, repeat_factor_shares(_class_counts(ctx), threshold, cap))


def by_class(
    ctx: SamplerContext,
    *,
    weights: Annotated[
        dict[str, float],
        Doc("table of class name = appearances of each of its images in an epoch, such as 0.5 or 3; 1 for the others"),
    ],
) -> Sampler:
    """Classes that you name more or less often, each by the factor you give it."""
    import numpy as np

    from artkit_plugins.samplers.dealing import DealingSampler
    from artkit_plugins.samplers.shares import fixed_factor_shares

    factors = np.array(weights_by_class(weights, ctx.class_names, option="sampler.weights"))
    quotas = factors * _class_counts(ctx).astype(np.float64)
    if np.floor(quotas).sum() < 2:
        raise RecipeError("sampler.weights leaves less than two images for some epochs; raise the weights.")
    return DealingSampler(ctx.labels, ctx.seed, fixed_factor_shares(quotas))


def by_column(
    ctx: SamplerContext,
    *,
    column: Annotated[str, Doc("what decides: a target, such as style, or a field of the JSON beside the images")],
    weights: Annotated[
        dict[str, float] | None,
        Doc(
            "table of value = appearances of each of its images in an epoch, such as 0.5 or 3; 1 for the others; none: "
            "the values are these numbers themselves"
        ),
    ] = None,
) -> Sampler:
    """Images more or less often by what another column of the data says of them, such as style or a weight."""
    import numpy as np

    from artkit_plugins.samplers.column_groups import groups_by_name, groups_by_number
    from artkit_plugins.samplers.dealing import DealingSampler
    from artkit_plugins.samplers.shares import fixed_factor_shares, spread_phases

    _check_images(ctx)
    values = ctx.column(column)
    groups, factors = groups_by_number(values, column) if weights is None else groups_by_name(values, weights)
    quotas = factors * np.bincount(groups, minlength=len(factors))
    shares = fixed_factor_shares(quotas, spread_phases(len(quotas)))
    if any(int((shares(epoch + 1) - shares(epoch)).sum()) < 2 for epoch in range(ctx.num_epochs)):
        raise RecipeError(f"sampler.column={column} leaves less than two images for some epochs; raise the weights.")
    return DealingSampler(groups, ctx.seed, shares)


def _class_counts(ctx: SamplerContext) -> "NDArray[np.int64]":
    import numpy as np

    _check_images(ctx)
    return np.bincount(ctx.labels, minlength=len(ctx.class_names))


def _check_images(ctx: SamplerContext) -> None:
    if not len(ctx.labels):
        raise RecipeError(
            "There are no training images to sample from. Choose a data set whose training split has some."
        )
