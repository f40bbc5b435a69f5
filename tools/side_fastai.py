"""fastai's side of bench_learning.py: its usual recipe from scratch, for a given time. Run by a Python that has fastai.

xresnet18 with one cycle, label smoothing, fastai's own augmentation and normalisation, batches of 64, images in memory.
The number of epochs is what fits into the time, as told by a few steps before. The weights are the last ones.
"""

import csv
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from fastai.vision.all import (  # type: ignore[import-not-found, unused-ignore]
    CategoryBlock,
    DataBlock,
    ImageBlock,
    IndexSplitter,
    LabelSmoothingCrossEntropy,
    Learner,
    PILImage,
    aug_transforms,
    set_seed,
    xresnet18,
)

BATCH_SIZE = 64
TIMED_STEPS = 30
RATE = 3e-3
SPLITS = ("train", "val", "test")


def make_learner(arrays: dict[str, np.ndarray], num_classes: int) -> Learner:
    """A learner on the training and validation images; all are numbered, those of training first, of test last."""
    images = np.concatenate([arrays[f"{split}_images"] for split in SPLITS])
    labels = np.concatenate([arrays[f"{split}_labels"] for split in SPLITS])
    first_validation = len(arrays["train_labels"])
    first_test = first_validation + len(arrays["val_labels"])
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=list(range(num_classes)), sort=False)),
        get_x=lambda number: PILImage.create(images[number]),
        get_y=lambda number: int(labels[number]),
        splitter=IndexSplitter(range(first_validation, first_test)),
        batch_tfms=aug_transforms(),
    )
    loaders = block.dataloaders(range(first_test), bs=BATCH_SIZE, num_workers=0)
    # A model from scratch: fastai's Learner normalises only where there are statistics of pretraining.
    return Learner(loaders, xresnet18(n_out=num_classes), loss_func=LabelSmoothingCrossEntropy())


def epochs_within(learner: Learner, seconds: float) -> int:
    """How many epochs fit, by the time of a few steps on a copy of the weights."""
    state = {name: value.clone() for name, value in learner.model.state_dict().items()}
    batches = iter(learner.dls.train)
    learner.model.train()
    ends = []
    for _ in range(TIMED_STEPS + 1):
        # As the Learner does it: the loss knows nothing of fastai's own kinds of tensor.
        images, labels = (tensor.as_subclass(torch.Tensor) for tensor in next(batches))
        learner.loss_func(learner.model(images), labels).backward()
        ends.append(time.perf_counter())
    step_s = float(np.median(np.diff(ends)[5:]))  # the first ones have set-up in them
    learner.model.load_state_dict(state)
    learner.model.zero_grad()
    return max(1, int(seconds / (step_s * len(learner.dls.train) * 1.08)))  # validation comes on top


def write_predictions(path: Path, probabilities: np.ndarray, labels: np.ndarray) -> None:
    """A table like that of artkit's `predictions` reporter."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("key", "true", "predicted", "p_true", "p_predicted", "loss"))
        for number, (row, label) in enumerate(zip(probabilities, labels.tolist(), strict=True)):
            predicted = int(row.argmax())
            loss = -math.log(max(float(row[label]), 1e-12))
            table.writerow((number, label, predicted, float(row[label]), float(row[predicted]), loss))


def main() -> None:
    """Train and write predictions of the test images, and of those of validation, to tune against."""
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    set_seed(settings["seed"], reproducible=True)
    arrays = dict(np.load(settings["arrays"]))
    learner = make_learner(arrays, settings["num_classes"])
    epochs = epochs_within(learner, 60 * settings["minutes"])
    started = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(epochs, RATE)
        seconds = time.perf_counter() - started
        num_images = sum(len(arrays[f"{split}_labels"]) for split in SPLITS)
        tested = range(num_images - len(arrays["test_labels"]), num_images)
        batches = learner.dls.test_dl(tested, bs=BATCH_SIZE, num_workers=0)
        tested_probabilities = learner.get_preds(dl=batches)[0].numpy()
        judged_probabilities = learner.get_preds(ds_idx=1)[0].numpy()
    out = Path(settings["out"])
    write_predictions(out / "predictions.csv", tested_probabilities, arrays["test_labels"])
    write_predictions(out / "validation.csv", judged_probabilities, arrays["val_labels"])
    (out / "facts.json").write_text(json.dumps({"epochs": epochs, "seconds": seconds}))


if __name__ == "__main__":
    main()
