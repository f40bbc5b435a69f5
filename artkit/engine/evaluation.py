"""What a model says about a split, each sample exactly once, and scikit-learn's metrics of it."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.preprocessing import Preprocessing
from artkit.engine.returned import check_logits
from artkit.errors import RunError
from artkit.registry import Component
from artkit_shards import Loader, Split


@torch.inference_mode()
def predict_split(
    model: torch.nn.Module,
    component: Component,
    split: Split,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    threads: int,
    device: torch.device,
    on_batch: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float64]:
    """Compute the logits of every sample, in the order of the split.

    Args:
        model: Images -> logits; is left in evaluation mode.
        component: The model's component, named in errors.
        split: What to evaluate.
        preprocessing: The one of training.
        batch_size: Images a batch; changes nothing but speed and memory.
        threads: Threads of the loader.
        device: Where the model is.
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
        batch_size=batch_size,
        fit=preprocessing.fit,
        threads=threads,
        order="rows",
        pin_memory=device.type == "cuda",
    )
    num_classes = len(split.class_counts)
    logits_NK = np.empty((len(split), num_classes))
    done = 0
    for batch in loader:
        images = batch.images.to(device, non_blocking=True)
        images = preprocessing.normalise(preprocessing.to_unit(images))
        with component.guard("forward"):
            logits_BK = model(images)
        check_logits(logits_BK, len(batch.rows), num_classes, component)
        shown = batch.mask.numpy()
        logits_NK[batch.rows[shown]] = logits_BK.double().cpu().numpy()[shown]
        done += int(shown.sum())
        on_batch(done)
    _check_finite(logits_NK, split.name, component)
    return logits_NK


def _check_finite(logits_NK: NDArray[np.float64], split: str, component: Component) -> None:
    bad = int((~np.isfinite(logits_NK)).any(axis=1).sum())
    if bad:
        raise RunError(
            f"{component.owner} gave logits that are no finite numbers for {bad} of {len(logits_NK)} images of split "
            f"'{split}', so they cannot be judged; if training went astray, start again with a lower learning rate"
        )


def softmax(logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of logits, (N, K)."""
    shifted = np.exp(logits_NK - logits_NK.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities


def compute_metrics(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.float64]) -> dict[str, float]:
    """Metrics over a whole split.

    Returns:
        "accuracy"; "macro_recall", the mean recall of the classes that occur in the labels; "macro_f1", over the
        classes that occur in labels or predictions; "loss", the mean negative log-likelihood in nats.
    """
    from sklearn import metrics

    predicted = probabilities_NK.argmax(axis=1)
    true_probability = probabilities_NK[np.arange(len(labels_N)), labels_N]
    present = np.unique(labels_N)
    return {
        "accuracy": float(metrics.accuracy_score(labels_N, predicted)),
        "macro_recall": float(
            metrics.recall_score(labels_N, predicted, labels=present, average="macro", zero_division=0)
        ),
        "macro_f1": float(metrics.f1_score(labels_N, predicted, average="macro", zero_division=0)),
        "loss": float(-np.log(np.clip(true_probability, np.finfo(np.float64).tiny, None)).mean()),
    }
