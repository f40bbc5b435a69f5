"""Losses: logits (B, K) and labels (B,) -> a scalar.

The factories with their options are here, light to import; what they build is in

    softmax.py        cross-entropy with label smoothing, weights of classes, logits shifted by the prior
    focusing.py       cross-entropy in which images that are recognised already count less
    margin.py         cross-entropy in which an image must win by a margin
    class_weights.py  weights, margins and the prior from how often classes are drawn
    class_values.py   one number a class, on the device of the logits

No module has the name of a factory: it would take the factory's place here as soon as it is imported.
"""

from typing import Annotated, Literal

from artkit import Doc, Ge, Gt, Interval, Loss, LossContext, RecipeError

__all__ = ["balanced_softmax", "cross_entropy", "effective_number", "focal", "ldam", "weighted_cross_entropy"]

LabelSmoothing = Annotated[float, Interval(ge=0, lt=1), Doc("share of each target spread over all classes")]


def cross_entropy(_ctx: LossContext, *, label_smoothing: LabelSmoothing = 0.0) -> Loss:
    """Cross-entropy: every image counts the same."""
    from artkit_plugins.losses.softmax import SoftmaxLoss

    return SoftmaxLoss(label_smoothing=label_smoothing)


def weighted_cross_entropy(
    ctx: LossContext,
    *,
    weights: Annotated[
        Literal["auto"] | dict[str, float] | None,
        Doc("auto: by how rarely a class is drawn; or a table of class name = weight, 1 for the others; or none"),
    ] = "auto",
    power: Annotated[float, Ge(0), Doc("for auto: 1 = in inverse proportion, 0.5 = to the square root")] = 1.0,
    label_smoothing: LabelSmoothing = 0.0,
) -> Loss:
    """Cross-entropy in which rare classes, or those you name, weigh more."""
    from artkit_plugins.losses.class_weights import inverse_frequency_weights, named_weights
    from artkit_plugins.losses.softmax import SoftmaxLoss

    if weights != "auto" and power != 1:
        where = "on weights given by name" if weights else "without weights"
        raise RecipeError(f"loss.power={power:g} has no effect {where}. Leave one of the two out.")
    if weights is None:
        return SoftmaxLoss(label_smoothing=label_smoothing)
    if weights == "auto":
        class_weights = inverse_frequency_weights(ctx.drawn_counts, power)
    else:
        class_weights = named_weights(ctx, weights, option="loss.weights")
    return SoftmaxLoss(label_smoothing=label_smoothing, class_weights=class_weights)


def effective_number(
    ctx: LossContext,
    *,
    beta: Annotated[float, Interval(ge=0, lt=1), Doc("0 = no weights; towards 1 = in inverse proportion")] = 0.999,
    label_smoothing: LabelSmoothing = 0.0,
) -> Loss:
    """Cross-entropy with class weights that grow less and less for classes which are rare anyway.

    A class drawn n times has the weight (1 - beta) / (1 - beta^n): what n draws are worth if each new one repeats part
    of what others have shown (Cui et al. 2019, "Class-balanced loss based on effective number of samples").
    """
    from artkit_plugins.losses.class_weights import effective_number_weights
    from artkit_plugins.losses.softmax import SoftmaxLoss

    class_weights = effective_number_weights(ctx.drawn_counts, beta)
    return SoftmaxLoss(label_smoothing=label_smoothing, class_weights=class_weights)


def balanced_softmax(
    ctx: LossContext,
    *,
    tau: Annotated[float, Ge(0), Doc("strength: 0 = none, 1 = as if classes were drawn equally often")] = 1.0,
    label_smoothing: LabelSmoothing = 0.0,
) -> Loss:
    """Cross-entropy that corrects for how often each class is drawn; also called logit adjustment.

    Adds tau * log(prior) to the logits inside the loss, so that the logits themselves belong to equally likely classes.
    Menon et al. 2021, "Long-tail learning via logit adjustment"; at tau = 1, Ren et al. 2020, "Balanced Meta-Softmax".
    """
    from artkit_plugins.losses.class_weights import log_prior
    from artkit_plugins.losses.softmax import SoftmaxLoss

    return SoftmaxLoss(label_smoothing=label_smoothing, shift=tau * log_prior(ctx.drawn_counts))


def focal(
    ctx: LossContext,
    *,
    gamma: Annotated[float, Ge(0), Doc("how much less an image counts the surer it is; 0 = cross-entropy")] = 2.0,
    alpha: Annotated[
        Literal["auto"] | dict[str, float] | None,
        Doc("weights of classes: none; auto: by how rarely a class is drawn; or a table of class name = weight"),
    ] = None,
) -> Loss:
    """Cross-entropy in which images that are recognised already count less (Lin et al. 2017, "Focal loss")."""
    from artkit_plugins.losses.class_weights import inverse_frequency_weights, named_weights
    from artkit_plugins.losses.focusing import FocalLoss

    if alpha is None:
        return FocalLoss(gamma=gamma)
    if alpha == "auto":
        return FocalLoss(gamma=gamma, class_weights=inverse_frequency_weights(ctx.drawn_counts, power=1))
    return FocalLoss(gamma=gamma, class_weights=named_weights(ctx, alpha, option="loss.alpha"))


def ldam(
    ctx: LossContext,
    *,
    max_margin: Annotated[float, Ge(0), Doc("margin of the rarest class, in units of the model's logits")] = 0.5,
    scale: Annotated[
        float, Gt(0), Doc("what logits are multiplied with; 30 for a model whose logits are cosines")
    ] = 1.0,
    beta: Annotated[
        float | None,
        Interval(ge=0, lt=1),
        Doc("adds the class weights of effective-number, such as 0.9999; none: no weights"),
    ] = None,
) -> Loss:
    """Cross-entropy in which an image must win by a margin, the wider the rarer its class.

    The margin of a class with n training images is in proportion to n^(-1/4). Cao et al. 2019, "Learning imbalanced
    datasets with label-distribution-aware margin loss"; their LDAM-DRW is beta=0.9999 and defer=0.8. They had a
    normalised head, whose logits are cosines, and scale 30. Logits are taken as the model gives them here, and with
    those of a plain head, which has a scale of its own, 1 is the scale to use.
    """
    from artkit_plugins.losses.class_weights import effective_number_weights, quartic_root_margins
    from artkit_plugins.losses.margin import MarginLoss

    return MarginLoss(
        margins=quartic_root_margins(ctx.class_counts, max_margin),
        scale=scale,
        class_weights=None if beta is None else effective_number_weights(ctx.drawn_counts, beta),
    )
