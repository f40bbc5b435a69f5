"""The moving average of the weights: its values, that it is what is judged, and that training goes on undisturbed."""

import pytest
import torch

from artkit.engine.averaging import WeightAverage
from artkit.engine.checkpoint import load_checkpoint


class Small(torch.nn.Module):
    """A number, a running mean and a counter."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([1.0]))
        self.register_buffer("running_mean", torch.tensor([10.0]))
        self.register_buffer("num_batches", torch.tensor(0))

    def move(self, weight, mean, batches):
        with torch.no_grad():
            self.weight.fill_(weight)
            self.running_mean.fill_(mean)
            self.num_batches.fill_(batches)


def values(model):
    return model.weight.item(), model.running_mean.item(), model.num_batches.item()


def test_the_average_forgets_the_beginning_first_and_keeps_the_decay_later():
    model = Small()
    average = WeightAverage(model, 0.5)
    expected_weight, expected_mean = 1.0, 10.0
    for step in range(1, 21):
        model.move(float(step), 10.0 - step, step)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected_weight = decay * expected_weight + (1 - decay) * step
        expected_mean = decay * expected_mean + (1 - decay) * (10 - step)
    with average.applied():
        assert values(model) == pytest.approx((expected_weight, expected_mean, 20))
    assert values(model) == (20.0, -10.0, 20)


def test_the_model_has_its_own_weights_again_after_an_error():
    model = Small()
    average = WeightAverage(model, 0.9)
    model.move(5.0, 5.0, 5)
    with pytest.raises(ZeroDivisionError, match="division"), average.applied():
        1 / 0  # noqa: B018
    assert values(model) == (5.0, 5.0, 5)
    with average.applied():
        assert values(model) == (1.0, 10.0, 5)


def test_the_average_of_another_model_is_refused():
    with pytest.raises(ValueError, match="the averaged weights are those of another model"):
        WeightAverage(Small(), 0.9).load_state_dict(WeightAverage(torch.nn.Linear(2, 2), 0.9).state_dict())


def test_averaged_weights_are_judged_kept_and_resumed_and_steps_are_those_without_them(training_bench):
    settings = "train.epochs=3", "optimizer.lr=0.01"
    plain = training_bench.train(training_bench.recipe(*settings))
    folder = training_bench.run_folder()
    averaged = training_bench.train(training_bench.recipe(*settings, "train.ema=0.8"), folder)
    assert averaged.logged == plain.logged
    ours = averaged.weights()["model"]
    live, plain_weights = averaged.assembly.model.state_dict(), plain.assembly.model.state_dict()
    assert all(torch.equal(live[name], value) for name, value in plain_weights.items())
    assert any(not torch.equal(ours[name], value) for name, value in plain_weights.items())
    judged = [row["val_loss"] for row in averaged.progress.history]
    assert judged != [row["val_loss"] for row in plain.progress.history]
    best = load_checkpoint(folder.best("loss"))["model"]
    averaged.assembly.model.load_state_dict(best)
    logits = averaged.predict(averaged.assembly.validation)
    labels = averaged.assembly.validation.labels
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.tensor(labels)).item()
    assert loss == pytest.approx(min(judged))
