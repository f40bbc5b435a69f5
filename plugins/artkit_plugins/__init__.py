"""The components that come with artkit, registered through the entry point like anyone's.

One package or module a kind; each holds the factories with their options and stays light. What is heavy, such as torch,
is imported when a factory is called. The kinds do not know one another.

    models        se-densenet, resnet18 ... resnet152, small-resnet
    augmenters    affine, flips, rotate, crop, colour, erase, mixup, cutmix, trivial-augment, none
    samplers      natural, class-balanced, sqrt, progressive, repeat-factor, by-class, by-column
    losses        cross-entropy, weighted-cross-entropy, effective-number, balanced-softmax, focal, ldam
    optimizers    sgd, adam, adamw, rmsprop
    schedules     constant, linear, cosine, one-cycle, step, plateau
    reporters     console, metrics, predictions, confusion-matrix, per-class, confused-pairs, top-losses, mosaic,
                  saliency, calibration, curves, model-card, tensorboard, report
    sources       folder, table, metadata, tars
"""

from artkit import (
    RegisterAugmenters,
    RegisterLosses,
    RegisterModels,
    RegisterOptimizers,
    RegisterReporters,
    RegisterSamplers,
    RegisterSchedules,
    RegisterSources,
    hookimpl,
)
from artkit_plugins import augmenters, losses, models, optimizers, reporters, samplers, schedules, sources

PAIRS_MOVED = "take it out, and name the reporter confused-pairs beside mosaic, which has an option of that name"


@hookimpl
def artkit_models(register: RegisterModels) -> None:
    """Register the models."""
    register("se-densenet", models.se_densenet)
    register("resnet18", models.resnet, presets={"depth": 18})
    register("resnet34", models.resnet, presets={"depth": 34})
    register("resnet50", models.resnet, presets={"depth": 50})
    register("resnet101", models.resnet, presets={"depth": 101})
    register("resnet152", models.resnet, presets={"depth": 152})
    register("small-resnet", models.small_resnet)


@hookimpl
def artkit_augmenters(register: RegisterAugmenters) -> None:
    """Register the augmenters."""
    register("affine", augmenters.affine)
    register("flips", augmenters.flips)
    register("rotate", augmenters.rotate)
    register("crop", augmenters.crop)
    register("colour", augmenters.colour)
    register("erase", augmenters.erase)
    register("mixup", augmenters.mixup)
    register("cutmix", augmenters.cutmix)
    register("trivial-augment", augmenters.trivial_augment)
    register("none", augmenters.none)


@hookimpl
def artkit_samplers(register: RegisterSamplers) -> None:
    """Register the samplers."""
    register("natural", samplers.natural)
    register("class-balanced", samplers.class_balanced)
    register("sqrt", samplers.sqrt)
    register("progressive", samplers.progressive)
    register("repeat-factor", samplers.repeat_factor)
    register("by-class", samplers.by_class, examples=[{"weights": {"class-0": 0.5, "class-4": 3.0}}])
    as_by_class = {"column": "class", "weights": {"class-0": 0.5, "class-4": 3.0}}
    register("by-column", samplers.by_column, examples=[as_by_class])


@hookimpl
def artkit_losses(register: RegisterLosses) -> None:
    """Register the losses."""
    register("cross-entropy", losses.cross_entropy)
    register("weighted-cross-entropy", losses.weighted_cross_entropy)
    register("effective-number", losses.effective_number)
    register("balanced-softmax", losses.balanced_softmax, aliases=["logit-adjusted"])
    register("focal", losses.focal)
    register("ldam", losses.ldam)


@hookimpl
def artkit_optimizers(register: RegisterOptimizers) -> None:
    """Register the optimizers."""
    register("sgd", optimizers.sgd)
    register("adam", optimizers.adam)
    register("adamw", optimizers.adamw)
    register("rmsprop", optimizers.rmsprop)


@hookimpl
def artkit_schedules(register: RegisterSchedules) -> None:
    """Register the schedules of the learning rate."""
    register("constant", schedules.constant)
    register("linear", schedules.linear)
    register("cosine", schedules.cosine)
    register("one-cycle", schedules.one_cycle)
    register("step", schedules.steps)
    register("plateau", schedules.plateau)


@hookimpl
def artkit_reporters(register: RegisterReporters) -> None:
    """Register the reporters."""
    register("console", reporters.console)
    register("metrics", reporters.metrics)
    register("predictions", reporters.predictions)
    register("confusion-matrix", reporters.confusion_matrix)
    register("per-class", reporters.per_class)
    register("confused-pairs", reporters.confused_pairs)
    register("top-losses", reporters.top_losses)
    register("mosaic", reporters.mosaic, removed={"pairs": PAIRS_MOVED})
    register("saliency", reporters.saliency)
    register("calibration", reporters.calibration)
    register("curves", reporters.curves)
    register("model-card", reporters.model_card)
    register("tensorboard", reporters.tensorboard)
    register("report", reporters.report)


@hookimpl
def artkit_sources(register: RegisterSources) -> None:
    """Register the sources of `artkit shard`."""
    register("folder", sources.folder)
    register("table", sources.table)
    register("metadata", sources.metadata)
    register("tars", sources.tars)
