"""One optimizer step: gradients of one or more batches, added up to the exact mean over their images, clipped, applied.

The mean is that of the losses of the batches, each weighted by its images that have a label. It equals the loss over
all images at once unless the loss itself looks at other images of its batch, as weights that are divided by their sum
do, or the model does, as batch normalisation does.
"""

from itertools import zip_longest

import numpy as np
import torch

from artkit.engine.assembly import Assembly
from artkit.engine.augmentation import Augmented
from artkit.engine.compiling import Forward
from artkit.engine.objective import BatchLoss
from artkit.engine.progress import StepValues
from artkit.engine.randomness import seed_torch
from artkit.engine.ranks.gradients import join_gradients, loose_buffers
from artkit.engine.ranks.normalisation import global_norms
from artkit.engine.ranks.sharding import whole
from artkit.engine.ranks.shares import own_images
from artkit.engine.returned import check_logits
from artkit.engine.step_plan import StepPlan
from artkit.engine.targets import num_outputs
from artkit_shards import Batch


class Stepper:
    """Takes the optimizer steps of a run: `add` each batch of a step, then `take` it.

    Args:
        assembly: The parts of the run.
        compiled: Computes whole batches in place of the model.
    """

    def __init__(self, assembly: Assembly, compiled: Forward | None = None) -> None:
        self._assembly = assembly
        self._compiled = compiled
        self._clip = assembly.recipe.train.clip
        self._ranks = assembly.ranks
        self._gradients = join_gradients(assembly.model, assembly.ranks)
        self._norms = list(global_norms(assembly.model))
        self._buffers = loose_buffers(assembly.model)
        self._images = 0
        self._labelled: tuple[int, ...] = ()
        """Images with a label in each target."""
        self._sums: torch.Tensor | None = None
        """Of losses and of right answers in each target; kept on the device, to wait for it once a step."""
        self._rows = np.empty(0, dtype=np.int64)
        """Row of each image of the step."""

    @property
    def has_images(self) -> bool:
        """Whether there is anything to learn in the step that `take` would take."""
        return self._sums is not None

    def add(self, batch: Batch, epoch: int, plan: StepPlan) -> None:
        """Add the gradient of a batch.

        Args:
            batch: Some images of the step.
            epoch: Number of the epoch.
            plan: Of the epoch's steps.

        Raises:
            ComponentError: if a component raised, or broke its contract.
        """
        batch, num_own = own_images(batch)
        position = int(batch.positions[0])
        seed_torch(self._assembly.recipe.train.seed, epoch, position, self._assembly.device)
        for norm in self._norms:
            norm.counts = num_own > 0
        with self._gradients.batch(is_last=plan.is_last_batch(position)):
            self._compute(batch, num_own, epoch, plan)

    def _compute(self, batch: Batch, num_own: int, epoch: int, plan: StepPlan) -> None:
        """Add the gradient of the images of this rank, of which `num_own` count: all of them, or none."""
        recipe, position = self._assembly.recipe, int(batch.positions[0])
        first = plan.first_position(position)
        augmented = self._augment(batch, epoch, first)
        logits = self._forward(augmented.images)
        self._rows = self._assembly.loader.plan[first : first + plan.num_images(position)]
        judged = self._assembly.loss(logits, batch.targets, augmented.mixed, self._rows)
        if not num_own:
            judged = judged.without_weight()
        with recipe.model.component.guard("backward"):
            # Joined gradients are means over the ranks.
            scaled = self._assembly.precision.scaler.scale(judged.loss * self._ranks.world_size)
            scaled.backward()  # type: ignore[no-untyped-call]
        self._count(num_own, judged)

    def take(self) -> StepValues:
        """Change the weights by what was added since the last step.

        Raises:
            ComponentError: if the optimizer raised.
        """
        optimizer, scaler = self._assembly.optimizer, self._assembly.precision.scaler
        norm = self._clip_gradients() if self._clip else None
        scale = scaler.get_scale()
        with self._assembly.recipe.optimizer.component.guard("step"):
            scaler.step(optimizer)
        scaler.update()
        is_taken = scaler.get_scale() >= scale  # it falls after a step that was left out, and then alone
        optimizer.zero_grad(set_to_none=True)
        assert self._sums is not None
        self._ranks.spread(self._buffers)
        num_targets = len(self._labelled)
        images, *sums = self._ranks.sum(self._images, *self._sums.tolist(), *self._labelled)
        losses, correct, labelled = sums[:num_targets], sums[num_targets:-num_targets], sums[-num_targets:]
        values = StepValues(
            images=int(images),
            loss=self._assembly.loss.loss_of_step(losses, self._rows),
            losses=tuple(losses),
            correct=tuple(map(int, correct)),
            labelled=tuple(map(int, labelled)),
            gradient_norm=norm if is_taken else None,
            is_taken=is_taken,
        )
        self._images, self._labelled, self._sums = 0, (), None
        return values

    def _augment(self, batch: Batch, epoch: int, first_of_step: int) -> Augmented:
        assembly = self._assembly
        images = assembly.preprocessing.to_unit(batch.images.to(assembly.device, non_blocking=True))
        return assembly.augment(images, epoch, batch.positions.numpy(), first_of_step)

    def _forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images in [0, 1], float32, (B, K)."""
        assembly = self._assembly
        model = assembly.recipe.model.component
        is_whole = len(images) == assembly.recipe.train.batch_size
        forward = self._compiled if self._compiled is not None and is_whole else self._gradients.forward
        # The rest of an epoch may leave a rank one image, and normalisations of one rank alone need two.
        is_doubled = len(images) == 1 and not self._ranks.is_alone and not self._norms
        computed = torch.cat([images, images]) if is_doubled else images
        with model.guard("forward"), self._assembly.precision.autocast():
            logits: torch.Tensor = forward(assembly.preprocessing.normalise(computed))
        check_logits(logits, len(computed), num_outputs(assembly.heads), model)
        return logits.float()[:1] if is_doubled else logits.float()

    def _clip_gradients(self) -> float:
        """Scale all gradients down together if they are too long (Pascanu et al. 2013); returns how long they were."""
        optimizer = self._assembly.optimizer
        self._assembly.precision.scaler.unscale_(optimizer)
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        return float(whole(torch.nn.utils.clip_grad_norm_(parameters, self._clip)))

    def _count(self, images: int, judged: BatchLoss) -> None:
        sums = torch.cat([judged.sums, judged.correct.double()])
        self._images += images
        self._labelled = tuple(map(sum, zip_longest(self._labelled, judged.labelled, fillvalue=0)))
        self._sums = sums if self._sums is None else self._sums + sums
