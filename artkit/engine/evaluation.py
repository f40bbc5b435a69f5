"""What a model says about a split, each sample exactly once, and scikit-learn's metrics of it."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.precision import Precision
from artkit.engine.preprocessing import Preprocessing
from artkit.engine.ranks.group import ALONE, Ranks
from artkit.engine.ranks.shares import own_batch_size
from artkit.engine.returned import check_logits
from artkit.errors import RunError
from artkit.registry import Component
from artkit_shards import Loader, Split


@torch.no_grad()  # what is computed in inference mode could not be trained on afterwards, as parts of a model must be
def predict_split(
    model: torch.nn.Module,
    component: Component,
    split: Split,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    threads: int,
    device: torch.device,
    precision: Precision,
    mirrored: bool,
    columns: Sequence[slice] | None = None,
    ranks: Ranks = ALONE,
    on_batch: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float64]:
    """Compute the logits of every sample, in the order of the split.

    Args:
        model: Images -> logits; is left in evaluation mode.
        component: The model's component, named in errors.
        split: What to evaluate.
        preprocessing: The one of training.
        batch_size: Images a batch of all ranks together; changes nothing but speed and memory.
        threads: Threads of the loader.
        device: Where the model is.
        precision: The one of training.
        mirrored: Whether each image is judged together with its mirror image: the answer has the mean of the two
            probabilities, see `mean_answers`.
        columns: Outputs of the model for each target, which has probabilities of its own; by default one target with
            the classes of the split's data set.
        ranks: That share the images out; each learns the logits of all.
        on_batch: Called with the number of images done so far; may raise to leave early.

    Returns:
        Logits, float64, (N, K).

    Raises:
        ComponentError: if the model raised, or returned something else than logits (B, K).
        RunError: if a logit is not finite.
    """
    model.eval()
    loader = Loader(
        split,
        image_size=preprocessing.image_size,
        batch_size=own_batch_size(batch_size, ranks),
        rank=ranks.rank,
        world_size=ranks.world_size,
        fit=preprocessing.fit,
        threads=threads,
        order="rows",
        pin_memory=device.type == "cuda",
    )
    columns = [slice(0, len(split.class_counts))] if columns is None else columns
    num_outputs = columns[-1].stop
    logits_NK = np.zeros((len(split), num_outputs))
    for batch in loader:
        images = batch.images.to(device, non_blocking=True)
        images = preprocessing.normalise(preprocessing.to_unit(images))
        logits_BK = model_logits(model, component, images, precision, num_outputs)
        if mirrored:
            others_BK = model_logits(model, component, images.flip(3), precision, num_outputs)
            logits_BK = mean_answers(logits_BK, others_BK, columns)
        shown = batch.mask.numpy()
        logits_NK[batch.rows[shown]] = logits_BK.cpu().numpy()[shown]
        on_batch(loader.consumed)
    ranks.sum_array(logits_NK)
    check_finite(logits_NK, split.name, component)
    return logits_NK


def model_logits(
    model: torch.nn.Module, component: Component, images_BCHW: torch.Tensor, precision: Precision, num_outputs: int
) -> torch.Tensor:
    """Logits of normalised images, float64, (B, K), whatever they are.

    Raises:
        ComponentError: if the model raised, or returned something else than logits (B, K).
    """
    with component.guard("forward"), precision.autocast():
        logits_BK: torch.Tensor = model(images_BCHW)
    check_logits(logits_BK, len(images_BCHW), num_outputs, component)
    return logits_BK.float().double()


def mean_answers(logits_BK: torch.Tensor, others_BK: torch.Tensor, columns: Sequence[slice]) -> torch.Tensor:
    """Logits whose probabilities are the mean of those of two sets of logits, (B, K), in each target by itself.

    Their level, the logarithm of the sum of their exponentials, is the mean of both levels: probabilities do not show
    it, but how strange an image is does, see `energy`.
    """
    means = []
    for part in columns:
        one_BK, other_BK = logits_BK[:, part], others_BK[:, part]
        levels_B1 = (one_BK.logsumexp(1, keepdim=True) + other_BK.logsumexp(1, keepdim=True)) / 2
        mean_BK = torch.logaddexp(one_BK.log_softmax(1), other_BK.log_softmax(1)) - math.log(2)
        means.append(mean_BK + levels_B1)
    return torch.cat(means, dim=1)


def check_finite(logits_NK: NDArray[np.float64], split: str, component: Component) -> None:
    """Raise RunError unless all logits of a split are finite."""
    bad = int((~np.isfinite(logits_NK)).any(axis=1).sum())
    if bad:
        raise RunError(
            f"{component.owner} gave logits that are no finite numbers for {bad} of {len(logits_NK)} images of split "
            f"'{split}', so they cannot be judged; if training went astray, start again with a lower learning rate"
        )


def softmax(logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of logits, (N, K)."""
    probabilities: NDArray[np.float64] = logits_NK - logits_NK.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)  # in place: of many images and classes, each copy takes much memory
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def true_losses(probabilities_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """Negative log-likelihood of the true class of each sample in nats, (N,), finite."""
    true_N = probabilities_NK[np.arange(len(labels_N)), labels_N]
    losses_N: NDArray[np.float64] = -np.log(np.maximum(true_N, np.finfo(np.float64).tiny))
    return losses_N


def compute_metrics(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.float64]) -> dict[str, float]:
    """Metrics over a whole split.

    Returns:
        "accuracy"; "macro_recall", the mean recall of the classes that occur in the labels; "macro_f1", over the
        classes that occur in labels or predictions; "loss", the mean negative log-likelihood in nats.
    """
    from sklearn import metrics

    predicted = probabilities_NK.argmax(axis=1)
    present = np.unique(labels_N)
    return {
        "accuracy": float(metrics.accuracy_score(labels_N, predicted)),
        "macro_recall": float(
            metrics.recall_score(labels_N, predicted, labels=present, average="macro", zero_division=0)
        ),
        "macro_f1": float(metrics.f1_score(labels_N, predicted, average="macro", zero_division=0)),
        "loss": float(true_losses(probabilities_NK, labels_N).mean()),
    }
