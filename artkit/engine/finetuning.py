"""Fine-tuning: which stages of the backbone stand still in which epoch, and how fast the others learn.

A frozen stage computes as in evaluation: neither its parameters nor its statistics move, and its dropout is off. What
is frozen is a function of the epoch alone, so a resumed run thaws the stages when the undisturbed one would have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from artkit.engine.structure import Structure, StructureError, find_structure
from artkit.errors import RecipeError
from artkit.recipe import TrainSettings
from artkit.registry import Component
from artkit_shards.wording import counted

LR_SCALE: Final = "lr_scale"
"""Key of a parameter group: what its learning rate is multiplied with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finetuning:
    """How the parts of a model are trained.

    Without stages, all parts are trained alike, whatever they are.
    """

    trainable: frozenset[str]
    """Names of the parameters that are trained sooner or later."""
    structure: Structure
    frozen: int = 0
    """Leading stages that stand still at first."""
    unfreeze_every: int = 0
    """Epochs from the thawing of one stage to that of the next, the last stage first; 0 = they stay frozen."""
    scales: tuple[float, ...] = ()
    """What the learning rate is multiplied with in each stage."""

    def num_frozen(self, epoch: int) -> int:
        """Leading stages that stand still in an epoch."""
        thawed = epoch // self.unfreeze_every if self.unfreeze_every else 0
        return max(self.frozen - thawed, 0)

    def last_thaw(self, num_epochs: int) -> int:
        """The epoch of a run, from 0, in which it thaws a stage for the last time; 0 if it never does."""
        if not self.unfreeze_every:
            return 0
        return min((num_epochs - 1) // self.unfreeze_every, self.frozen) * self.unfreeze_every

    def num_parameters(self, num_epochs: int) -> int:
        """Parameters that a run of so many epochs trains, sooner or later."""
        never = self.num_frozen(num_epochs - 1)
        return sum(parameter.numel() for name, parameter in self._parameters() if not self._is_among(name, never))

    def enter_epoch(self, model: nn.Module, epoch: int) -> None:
        """Put a model into training mode, but for what is frozen in the epoch.

        Args:
            model: The model that was planned for, or what wraps it.
            epoch: From 0.
        """
        model.train()
        num_frozen = self.num_frozen(epoch)
        for stage in range(num_frozen):
            for module in self.structure.modules(stage):
                module.eval()
        for name, parameter in self._parameters():
            parameter.requires_grad_(not self._is_among(name, num_frozen))

    def param_groups(self) -> list[dict[str, Any]]:
        """Parameters to train, for an optimizer: matrices and kernels decay, biases and normalisation weights do not.

        Weight decay on the latter only shrinks what normalisation scales back (He et al. 2019, "Bag of tricks",
        sec. 3.1). The head's groups come first; those that learn slower say so under "lr_scale".
        """
        groups: dict[tuple[float, bool], dict[str, Any]] = {}
        scaled = [(self._scale(name), parameter) for name, parameter in self._parameters()]
        for scale, parameter in sorted(scaled, key=lambda pair: (-pair[0], pair[1].ndim <= 1)):
            group = groups.setdefault((scale, parameter.ndim > 1), {"params": []})
            group["params"].append(parameter)
        for (scale, decays), group in groups.items():
            group |= ({} if decays else {"weight_decay": 0.0}) | ({} if scale == 1 else {LR_SCALE: scale})
        return list(groups.values())

    def notes(self, *, num_epochs: int, pretrained: bool) -> Iterator[str]:
        """What the user should know of it, a line each.

        Args:
            num_epochs: Epochs of the run.
            pretrained: Whether the model starts from weights that were trained before.
        """
        if not self.frozen:
            if self.unfreeze_every:
                yield f"train.unfreeze_every={self.unfreeze_every} has no effect without train.freeze"
            return
        sizes = {name: parameter.numel() for name, parameter in self._parameters()}
        still = sum(size for name, size in sizes.items() if self._is_among(name, self.frozen))
        stages = self.structure.stages
        span = f"the first {self.frozen} of {len(stages)} stages, {stages[0][0]} to {stages[self.frozen - 1][-1]}"
        every, never = self.unfreeze_every, self.num_frozen(num_epochs - 1)
        thaws = f"; one stage thaws after every {'epoch' if every == 1 else f'{every} epochs'}" if every else ""
        if every and never:
            thaws += f", so {never} of them never do{'es' if never == 1 else ''} in {counted(num_epochs, 'epoch')}"
        yield f"frozen: {span}, which have {still:,} of {sum(sizes.values()):,} parameters{thaws}"
        if not pretrained:
            yield (
                f"what is frozen are random numbers, and only {sum(sizes.values()) - still:,} parameters are trained"
                f"{' at first' if every else ''}; "
                "give the model weights, such as --set model.weights=runs/..., or leave out --freeze"
            )

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        named = self.structure.model.named_parameters()
        return ((name, parameter) for name, parameter in named if name in self.trainable)

    def _scale(self, name: str) -> float:
        stage = self.structure.stage_of(name)
        return 1.0 if stage is None else self.scales[stage]

    def _is_among(self, name: str, num_stages: int) -> bool:
        """Whether a parameter belongs to the first stages."""
        stage = self.structure.stage_of(name)
        return stage is not None and stage < num_stages


def plan_finetuning(settings: TrainSettings, model: nn.Module, num_outputs: int, component: Component) -> Finetuning:
    """Settle how the parts of a model are trained.

    Args:
        settings: Section [train].
        model: Of which nothing is frozen yet.
        num_outputs: Number of logits, K.
        component: The model's, named in errors.

    Raises:
        RecipeError: if the model's stages are not known, or it has fewer than are to be frozen.
    """
    trainable = frozenset(name for name, parameter in model.named_parameters() if parameter.requires_grad)
    asked = _asked(settings)
    if not asked:
        structure = Structure(model, ())
        return Finetuning(trainable=trainable, structure=structure, unfreeze_every=settings.unfreeze_every)
    try:
        structure = find_structure(model, num_outputs)
    except StructureError as error:
        raise RecipeError(f"{asked} needs to know the stages of the model, but {component.owner} {error}") from None
    num_stages = len(structure.stages)
    return Finetuning(
        trainable=trainable,
        structure=structure,
        frozen=_num_frozen(settings, structure, component),
        unfreeze_every=settings.unfreeze_every,
        scales=tuple(settings.backbone_lr * settings.layer_decay ** (num_stages - i) for i in range(num_stages)),
    )


def scale_learning_rates(
    optimizer: torch.optim.Optimizer, groups: Sequence[Mapping[str, Any]], component: Component
) -> None:
    """Give each group of an optimizer its share of the learning rate.

    Args:
        optimizer: Fresh; its groups have the rate of the head.
        groups: What it was built from, of `Finetuning.param_groups`.
        component: The optimizer's, named in errors.

    Raises:
        ComponentError: if shares were asked for, and the optimizer has other groups than it was given.
    """
    scales = [group.get(LR_SCALE, 1.0) for group in groups]
    if set(scales) == {1.0}:
        return
    if [group.get(LR_SCALE, 1.0) for group in optimizer.param_groups] != scales:
        raise component.breach(
            f"does not keep the groups of ctx.param_groups, or the '{LR_SCALE}' in them, so parts of "
            "the model cannot learn at rates of their own; leave train.backbone_lr and train.layer_decay at 1"
        )
    for group, scale in zip(optimizer.param_groups, scales, strict=True):
        group["lr"] *= scale


def _asked(settings: TrainSettings) -> str | None:
    """The first setting that treats some parts otherwise than others, as it was given."""
    usual = {"freeze": (0, "none"), "backbone_lr": (1.0,), "layer_decay": (1.0,)}
    given = {name: getattr(settings, name) for name in usual}
    return next((f"train.{name}={value}" for name, value in given.items() if value not in usual[name]), None)


def _num_frozen(settings: TrainSettings, structure: Structure, component: Component) -> int:
    num_stages = len(structure.stages)
    if isinstance(settings.freeze, int):
        wanted = settings.freeze
    else:
        wanted = max(num_stages, 1) if settings.freeze == "all" else 0
    if wanted > num_stages:
        stages = "; ".join("+".join(stage) for stage in structure.stages)
        has = f"{counted(num_stages, 'stage')} before its head: {stages}" if stages else "nothing but its head"
        raise RecipeError(f"train.freeze={settings.freeze}: {component.owner} has {has}; freeze no more than there are")
    return wanted
