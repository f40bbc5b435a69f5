"""Each check finds the fault that it is for: right toy plugins with one line changed, a line a fault."""

from pathlib import Path
from textwrap import dedent

import pytest

from artkit.testing.checks import all_checks
from artkit.testing.plan import plan_checks
from artkit.testing.target import open_targets

RIGHT = {
    "model": """
        from typing import Annotated
        from artkit import Ge, ModelContext, hookimpl
        STATE = {"registered": 0}

        @hookimpl
        def artkit_models(register):
            STATE["registered"] += 1
            register("toy", toy)

        def toy(ctx: ModelContext, *, width: Annotated[int, Ge(1), "channels"] = 4):
            '''A convolution and a linear layer.'''
            import torch
            from torch import nn

            class Toy(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(ctx.in_channels, width, 3, 2)
                    self.norm = nn.BatchNorm2d(width)
                    self.drop = nn.Dropout(0.5)
                    self.head = nn.Linear(width, ctx.num_outputs)
                    self.artkit_stages = [["conv", "norm"]]
                    # more parts

                def forward(self, images):
                    features = self.norm(self.conv(images)).relu()
                    pooled = features.mean((2, 3))
                    # more steps
                    return self.head(self.drop(pooled))

            model = Toy()
            # last words
            return model
    """,
    "augmenter": """
        from artkit import AugmenterContext, hookimpl

        @hookimpl
        def artkit_augmenters(register):
            register("toy", toy)

        def toy(ctx: AugmenterContext):
            '''Take images towards white.'''
            import torch
            memory = []

            def apply(images, draws):
                shares = draws.uniform(0.2, 1).view(-1, 1, 1, 1)
                changed = 1 - shares * (1 - images)
                return changed

            return apply
    """,
    "mixer": """
        from artkit import AugmenterContext, Mixed, hookimpl

        @hookimpl
        def artkit_augmenters(register):
            register("toy", Toy)

        class Toy:
            '''Mix pairs.'''
            mixes = True

            def __init__(self, ctx: AugmenterContext): pass

            def __call__(self, images, draws):
                weight, partners = draws.of_step(), draws.partners()
                mixed = weight * images + (1 - weight) * images[partners]
                return Mixed(mixed, partners, weight)
    """,
    "sampler": """
        from artkit import SamplerContext, hookimpl

        @hookimpl
        def artkit_samplers(register):
            register("toy", toy)

        def toy(ctx: SamplerContext):
            '''Every image twice.'''
            import numpy as np
            most = max(ctx.labels, default=0)

            class Toy:
                calls = 0
                def counts(self, epoch):
                    self.calls += 1
                    return np.full(len(ctx.labels), 2)

            return Toy()
    """,
    "loss": """
        from artkit import LossContext, hookimpl

        @hookimpl
        def artkit_losses(register):
            register("toy", toy)

        def toy(ctx: LossContext):
            '''Cross-entropy.'''
            import torch
            from torch.nn.functional import cross_entropy
            memory = []

            def loss(logits, labels):
                logits = logits.float()
                return cross_entropy(logits, labels)

            return loss
    """,
    "optimizer": """
        from artkit import OptimizerContext, hookimpl

        @hookimpl
        def artkit_optimizers(register):
            register("toy", toy)

        def toy(ctx: OptimizerContext):
            '''Momentum.'''
            import torch
            groups = [dict(group) for group in ctx.param_groups]

            HAS_RATE = lambda group: group["lr"] and group["weight_decay"]

            class Toy(torch.optim.SGD):
                steps = 0

                def move(self, factor, shift, of):
                    for group in filter(of, self.param_groups):
                        for parameter in group["params"]:
                            parameter.data.mul_(factor).add_(shift)

                def step(self, closure=None):
                    self.steps += 1
                    return super().step(closure)

            optimizer = Toy(groups, lr=0.05, momentum=0.5, weight_decay=0.1)
            return optimizer
    """,
    "schedule": """
        from artkit import ScheduleContext, hookimpl

        @hookimpl
        def artkit_schedules(register):
            register("toy", toy)

        def toy(ctx: ScheduleContext):
            '''A straight line down.'''
            calls = []

            class Toy:
                best = 9.0
                rate = 1.0
                def __call__(self, progress):
                    return self.rate * (1 - progress)
                def observe(self, values):
                    self.rate *= 0.9
                def state_dict(self):
                    return {"rate": self.rate}
                def load_state_dict(self, state):
                    self.rate = state["rate"]

            return Toy()
    """,
    "reporter": """
        import time
        from pathlib import Path
        from artkit import ReporterContext, hookimpl

        @hookimpl
        def artkit_reporters(register):
            register("toy", toy)

        def toy(ctx: ReporterContext):
            '''Writes the losses to a file.'''
            return Toy(ctx)

        class Toy:
            def __init__(self, ctx):
                self.ctx, self.losses = ctx, []

            @hookimpl
            def artkit_log(self, values):
                self.losses.append(values["loss"])
                # at a step

            @hookimpl
            def artkit_run_end(self, run, status, error):
                # at the end
                path = self.ctx.run_dir / "losses.txt"
                path.write_text(str(self.losses))
                self.ctx.publish(path, title="losses", kind="table")
    """,
    "source": """
        from pathlib import Path
        from artkit import RecipeError, SourceContext, hookimpl
        from artkit_shards import Record

        @hookimpl
        def artkit_sources(register):
            register("toy", Toy)

        class Toy:
            '''Class folders.'''
            def __init__(self, ctx: SourceContext):
                self.root = Path(ctx.root)
                if not self.root.is_dir():
                    raise RecipeError(f"{self.root} is not there")

            def __iter__(self):
                for path in sorted(self.root.rglob("*.png")):
                    yield Record(path, str(path.relative_to(self.root)), {"class": path.parent.name})

            def notes(self):
                return ["all is well"]

            def rejects(self):
                return [("a.txt", "no image")]
    """,
}

HIDDEN_TENSOR = "model.head.register_forward_hook(lambda m, i, out, extra=torch.rand(1): out + extra.to(out))"

# kind, what is written in place of what, and the checks that find it: the one that is meant for it, and no others.
FAULTS = [
    # every kind
    ("model", "import Annotated", "import Annotated; import numpy", "light_import"),
    ("model", "STATE =", "import time; time.sleep(1.1); STATE =", "fast_import"),
    ("model", "STATE =", "any(sum(range(99)) < 0 for _ in range(400_000)); STATE =", "fast_import"),
    ("model", "STATE =", "print('hello'); STATE =", "quiet_import"),
    ("model", "STATE =", "import random; random.seed(0); STATE =", "quiet_import"),
    ("model", 'register("toy", toy)', 'register("toy" + str(STATE["registered"]), toy)', "registers_again"),
    ("model", 'register("toy", toy)', 'register("Toy!", toy)', "loads"),
    ("model", "(register)", "(register=None)", "loads"),
    ("model", "def artkit_models", "def artkit_modles", "loads"),
    ("model", ': Annotated[int, Ge(1), "channels"]', "", "loads"),
    ("model", "] = 4", "] = 0", "loads"),
    ("model", ', "channels"]', "]", "documented"),
    ("model", "'''A convolution and a linear layer.'''", "pass", "documented"),
    ("model", "model = Toy()", "model = Toy(); 1 / 0", "builds"),
    ("model", "model = Toy()", "model = Toy(); print(model)", "prints_nothing"),
    ("model", "model = Toy()", "import warnings; warnings.warn('old'); model = Toy()", "warns_nothing"),
    ("model", "model = Toy()", "import random; random.random(); model = Toy()", "process_untouched"),
    ("model", "model = Toy()", "torch.manual_seed(0); model = Toy()", "process_untouched"),
    ("loss", "memory = []", "torch.rand(1)", "process_untouched"),
    ("loss", "memory = []", "import os; os.chdir('/')", "process_untouched"),
    ("schedule", "calls = []", "open('left.txt', 'w').close(); calls = []", "process_untouched"),
    ("schedule", "calls = []", "import sys; 1 / ('spawning' not in sys.argv[0])", "spawns"),
    # models
    ("model", "ctx.num_outputs)", "3)", "logits"),
    ("model", "return self.head(self.drop(pooled))", "return self.head(self.drop(pooled)).squeeze(0)", "batch_of_one"),
    ("model", "# more steps", "pooled = pooled - 0.1 * pooled.mean(0)", "batch_independent"),
    ("model", "# more steps", "pooled = pooled * (2 if self.training else 1)", "train_mode"),
    ("model", "# more steps", "if self.training: return self.head(pooled), pooled", "backward"),
    ("model", "# more parts", "self.spare = nn.Linear(2, 2)", "backward"),
    ("model", "# more parts", "self.drop.train = lambda mode: self.drop", "eval_mode"),
    (
        "model",
        "self.norm(self.conv(images)).relu()",
        "self.norm(self.conv(images.mul_(0.5))).relu()",
        "input_untouched",
    ),
    (
        "model",
        "model = Toy()",
        "import os; model = Toy(); model.head.bias.data[0] = os.urandom(1)[0]",
        "same_seed_same_weights",
    ),
    ("model", "# last words", HIDDEN_TENSOR, "state_round_trip"),
    ("model", "# last words", "model.__deepcopy__ = lambda memo: model", "copies"),
    ("model", "# more steps", "pooled = pooled @ torch.eye(pooled.shape[1])", "moves"),
    ("model", "# more steps", "pooled = pooled + torch.zeros(pooled.shape)", "moves"),
    ("model", "# more steps", "pooled = pooled / (pooled.dtype != torch.bfloat16)", "amp_forward"),
    ("model", "(self.conv(images))", "(self.conv(images * images.is_contiguous()))", "channels_last"),
    ("model", '["conv", "norm"]', '["conv", "nrom"]', "stages"),
    # augmenters
    ("augmenter", "return changed", "return changed[..., 1:]", "keeps_form"),
    ("augmenter", "return changed", "return changed.double()", "keeps_form"),
    ("augmenter", "return changed", "return changed * 2", "keeps_range"),
    ("augmenter", "return changed", "return images.copy_(changed)", "input_untouched"),
    ("augmenter", "return changed", "memory.append(0); return changed ** len(memory)", "repeatable"),
    ("augmenter", "return changed", "torch.rand(1); return changed", "no_other_randomness"),
    ("augmenter", "return changed", "return 1 - (1 - images) / 2", "draws_matter"),
    ("augmenter", "return changed", "return changed * images.mean()", "batch_split"),
    ("augmenter", "return changed", "return changed if images.is_contiguous() else 1 - changed", "memory_formats"),
    ("mixer", "draws.partners()", "draws.partners() - len(images)", "mixes_labels"),
    # samplers
    ("sampler", "np.full(len(ctx.labels), 2)", "np.full(len(ctx.labels), 2.0)", "counts"),
    ("sampler", "np.full(len(ctx.labels), 2)", "np.full(len(ctx.labels), 2 - 3 * (epoch == 4))", "counts"),
    ("sampler", "2)", "self.calls)", "pure"),
    ("sampler", "2)", "2) + (np.arange(len(ctx.labels)) % 3 == 0) * 2", "fair"),
    (
        "sampler",
        "import numpy as np",
        "import numpy as np; len(ctx.labels) and 1 // min(np.bincount(ctx.labels).tolist())",
        "class_gaps",
    ),
    ("sampler", "max(ctx.labels, default=0)", "max(ctx.labels)", "no_images"),
    ("sampler", "self.calls += 1", "np.random.rand()", "no_other_randomness"),
    # losses
    ("loss", "labels)\n", "labels, reduction='none')\n", "scalar"),
    ("loss", "return cross_entropy(logits, labels)", "return cross_entropy(logits[:1], labels[:1])", "differentiable"),
    ("loss", "logits = logits.float()", "logits = logits.float().exp().log()", "extreme_logits"),
    ("loss", "return cross_entropy", "return -0.1 * cross_entropy", "learns"),
    ("loss", "labels)\n", "labels, reduction='sum')\n", "mean_over_batch"),
    ("loss", "return cross_entropy", "memory.append(0); return len(memory) * cross_entropy", "stateless"),
    (
        "loss",
        "logits = logits.float()",
        "logits = logits * (1 if logits.dtype == torch.float32 else 2)",
        "half_precision",
    ),
    ("loss", "memory = []", "memory = [1 / ctx.drawn_counts.clip(0).min().item()]", "undrawn_class"),
    # optimizers
    ("optimizer", "return optimizer", "optimizer.param_groups[0].pop('lr'); return optimizer", "form"),
    (
        "optimizer",
        "[dict(group) for group in ctx.param_groups]",
        "sum([g['params'] for g in ctx.param_groups], [])",
        "keeps_groups",
    ),
    (
        "optimizer",
        "self.steps += 1",
        "self.move(0.9, 0, of=lambda group: group['lr'] and not group['weight_decay'])",
        "obeys_decay",
    ),
    ("optimizer", "lr=0.05", "lr=0.05, maximize=True", "lowers_quadratic"),
    ("optimizer", "self.steps += 1", "self.move(1, 0.001, of=lambda group: group['weight_decay'])", "obeys_rate"),
    (
        "optimizer",
        "self.steps += 1",
        "self.steps += 1; self.move(1, 0.001 * self.steps, of=HAS_RATE)",
        "state_round_trip",
    ),
    # schedules
    ("schedule", "(1 - progress)", "(0.5 - progress)", "multipliers"),
    ("schedule", "calls = []", "calls = [1 / (ctx.steps_per_epoch - 1)]", "short_runs"),
    ("schedule", "return self.rate", "calls.append(0); return len(calls) * self.rate", "pure"),
    ("schedule", 'self.rate = state["rate"]', "pass", "state_round_trip"),
    # reporters
    ("reporter", "def artkit_log(self, values)", "def artkit_log(self, valeus)", "listens"),
    ("reporter", "# at the end", "1 / (len(run.targets) == 1)", "whole_run"),
    ("reporter", "# at the end", "1 / (status != 'failed')", "failed_run"),
    ("reporter", "# at the end", "1 / (status != 'interrupted')", "interrupted_run"),
    ("reporter", "# at the end", "self.losses[-1]", "missing_events"),
    ("reporter", "# at a step", "1 / (values['loss'] <= self.losses[0])", "any_order"),
    ("reporter", "# at the end", "Path('losses.txt').write_text('lost')", "own_folder"),
    ("reporter", 'kind="table"', 'kind="tabel"', "published_files"),
    ("reporter", "# at a step", "values.clear()", "values_untouched"),
    ("reporter", "# at a step", "sum(range(5_000_000 * (len(self.losses) > 9)))", "quick"),
    (
        "reporter",
        "self.ctx, self.losses = ctx, []",
        "self.ctx, self.losses, self.redraws = ctx, [], True",
        "draws_again",
    ),
    # sources
    ("source", "str(path.relative_to(self.root))", "path.parent.name", "records"),
    (
        "source",
        'sorted(self.root.rglob("*.png"))',
        "__import__('random').sample([*self.root.rglob('*.png')], 12)",
        "same_order",
    ),
    ("source", "Record(path,", "Record(path.with_suffix('.gif'),", "readable"),
    ("source", "if not self.root.is_dir()", "if False", "missing_root"),
    ("source", "raise RecipeError", "raise OSError", "missing_root"),
    ("source", '("a.txt", "no image")', '"a.txt"', "notes_and_rejects"),
]

# In processes of their own, and so looked at only where they are meant to find something.
DEAR = {"spawns", "light_import", "fast_import", "quiet_import"}


def faults_found(file: Path, source: str, *, but: set[str]) -> dict[str, str]:
    """The checks that find a fault in a plugin, and what they say; without those checks."""
    file.write_text(dedent(source))
    (target,) = open_targets(file)
    planned = [one for one in plan_checks(target) if one.check.name not in but]
    return {one.check.name: result.reason for one in planned if (result := one.run()).outcome == "failed"}


@pytest.mark.parametrize("toy", RIGHT)
def test_a_plugin_that_is_right_passes(tmp_path, toy):
    # A process of its own imports torch anew, where a toy needs it, which takes seconds.
    needs_torch = toy not in ("sampler", "schedule", "reporter", "source")
    assert faults_found(tmp_path / "toy.py", RIGHT[toy], but={"spawns"} if needs_torch else set()) == {}


@pytest.mark.parametrize(
    ("toy", "old", "new", "meant"), FAULTS, ids=[f"{f[0]}-{f[3]}-{n}" for n, f in enumerate(FAULTS)]
)
def test_a_fault_is_found_by_the_check_that_is_meant_for_it_and_by_no_other(tmp_path, toy, old, new, meant):
    source = RIGHT[toy]
    assert source.count(old) == 1
    found = faults_found(tmp_path / "toy.py", source.replace(old, new), but=DEAR - {meant})
    assert list(found) == [meant], found
    assert "\nThe rule: " in found[meant]


def test_a_model_that_refuses_small_images_is_checked_with_large_ones(tmp_path):
    refusal = "if ctx.image_size < 100: raise __import__('artkit').RecipeError('too small')"
    source = RIGHT["model"].replace("class Toy(", f"{refusal}\n\n            class Toy(")
    assert refusal in source
    assert faults_found(tmp_path / "toy.py", source, but=DEAR) == {}


def test_every_check_finds_a_fault():
    checks = {check.name for check in all_checks()}
    assert checks - {fault[3] for fault in FAULTS} == {"requirements"}  # that of installed packages, below
