"""Losses: logits (B, K) and labels (B,) -> a scalar."""

from typing import Annotated, Literal

from artkit import Doc, Ge, Interval, Loss, LossContext, RecipeError

__all__ = ["balanced_softmax", "cross_entropy", "weighted_cross_entropy"]

LabelSmoothing = Annotated[float, Interval(ge=0, lt=1), Doc("share of each target spread over all classes")]


def cross_entropy(_ctx: LossContext, *, label_smoothing: LabelSmoothing = 0.0) -> Loss:
    """Cross-entropy: every image counts the same."""
    from artkit_plugins.losses.softmax import SoftmaxLoss

    return SoftmaxLoss(label_smoothing=label_smoothing)


def weighted_cross_entropy(
    ctx: LossContext,
    *,
    weights: Annotated[
        Literal["auto"] | dict[str, float],
        Doc("auto: by how rarely a class is drawn; or a table of class name = weight, 1 for the others"),
    ] = "auto",
    power: Annotated[float, Ge(0), Doc("for auto: 1 = in inverse proportion, 0.5 = to the square root")] = 1.0,
    label_smoothing: LabelSmoothing = 0.0,
) -> Loss:
    """Cross-entropy in which rare classes, or those you name, weigh more."""
    from artkit_plugins.losses.class_weights import inverse_frequency_weights, named_weights
    from artkit_plugins.losses.softmax import SoftmaxLoss

    if weights == "auto":
        class_weights = inverse_frequency_weights(ctx.drawn_counts, power)
    elif power != 1:
        raise RecipeError(f"loss.power={power:g} has no effect on weights given by name. Leave one of the two out.")
    else:
        class_weights = named_weights(weights, ctx.class_names)
    return SoftmaxLoss(label_smoothing=label_smoothing, class_weights=class_weights)


def balanced_softmax(
    ctx: LossContext,
    *,
    tau: Annotated[float, Ge(0), Doc("strength: 0 = none, 1 = as if classes were drawn equally often")] = 1.0,
    label_smoothing: LabelSmoothing = 0.0,
) -> Loss:
    """Cross-entropy that corrects for how often each class is drawn.

    Adds tau * log(prior) to the logits inside the loss, so that the logits themselves belong to equally likely classes.
    Ren et al. 2020, "Balanced Meta-Softmax"; Menon et al. 2021, "Long-tail learning via logit adjustment".
    """
    from artkit_plugins.losses.class_weights import log_prior
    from artkit_plugins.losses.softmax import SoftmaxLoss

    return SoftmaxLoss(label_smoothing=label_smoothing, shift=tau * log_prior(ctx.drawn_counts))
