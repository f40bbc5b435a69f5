"""Which positions of an epoch's plan learn together in one optimizer step.

A step sees `accumulate` batches; the last one of an epoch sees what is left. As this depends on positions alone, a run
that goes on between two steps takes the same steps as one that was never stopped.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The steps of one epoch.

    Args:
        num_positions: Positions of the epoch's plan.
        batch_size: Images that are computed at once, by all ranks together.
        accumulate: Batches of a step.
    """

    num_positions: int
    batch_size: int
    accumulate: int

    @property
    def num_steps(self) -> int:
        """Optimizer steps of the epoch."""
        return -(-self._num_learnt // self._span)

    def first_position(self, position: int) -> int:
        """Where the step that sees a position begins."""
        return position - position % self._span

    def num_images(self, position: int) -> int:
        """Images that the step learns from which sees a position; the gradient is the mean over them."""
        first = self.first_position(position)
        return min(first + self._span, self._num_learnt) - first

    def batch_images(self, position: int) -> int:
        """Images that are computed at once with that at a position, by all ranks together."""
        return min(self.batch_size, self.num_positions - self._batch_begin(position))

    def is_last_batch(self, position: int) -> bool:
        """Whether its step learns from nothing behind the batch that sees a position."""
        end_of_step = self.first_position(position) + self.num_images(position)
        return self._batch_begin(position) + self.batch_size >= end_of_step

    def learns_from(self, num_images: int) -> bool:
        """Whether a batch of so many images can be learnt from.

        Batch normalisation cannot learn from one image; the plan of the next epoch puts another one last.
        """
        return num_images > 1

    def ends_at(self, consumed: int) -> bool:
        """Whether a step ends when so many positions of the plan are seen."""
        return consumed % self._span == 0 or consumed >= self.num_positions

    def _batch_begin(self, position: int) -> int:
        return position - position % self.batch_size

    @property
    def _span(self) -> int:
        return self.batch_size * self.accumulate

    @property
    def _num_learnt(self) -> int:
        is_one_alone = self.num_positions % self.batch_size == 1
        return self.num_positions - is_one_alone
