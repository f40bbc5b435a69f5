"""Random numbers of training depend on (seed, epoch, position, stream) only."""

import numpy as np
import torch

from artkit.engine.randomness import PositionDraws, seed_torch

CPU = torch.device("cpu")


def draws(positions, *, seed=0, epoch=0, stream=0, step=0):
    return PositionDraws(seed, epoch, np.asarray(positions), step=step, stream=stream)


def test_an_image_draws_the_same_in_any_batch():
    together = draws(range(10))
    first, second = together.uniform(), together.uniform(-2, 3)
    for position in range(10):
        alone = draws([position])
        assert alone.uniform() == first[position]
        assert alone.uniform(-2, 3) == second[position]


def test_calls_epochs_seeds_and_streams_draw_differently():
    base = draws(range(50))
    seen = [base.uniform(), base.uniform()]
    seen += [draws(range(50), **other).uniform() for other in ({"seed": 1}, {"epoch": 1}, {"stream": 1})]
    for number, values in enumerate(seen):
        assert all((values != other).any() for other in seen[:number])


def test_numbers_are_float32_within_their_bounds():
    values = draws(range(1000)).uniform(-0.25, 0.5)
    assert values.dtype == torch.float32
    assert values.shape == (1000,)
    assert values.min() >= -0.25
    assert values.max() < 0.5
    assert abs(values.mean().item() - 0.125) < 0.03


def test_torch_is_seeded_by_the_position_of_the_step():
    seed_torch(1, 2, 3, CPU)
    once = torch.rand(4)
    seed_torch(1, 2, 4, CPU)
    assert (torch.rand(4) != once).any()
    seed_torch(1, 2, 3, CPU)
    assert (torch.rand(4) == once).all()


def test_the_upper_end_of_a_range_is_never_reached():
    high = float(np.nextafter(np.float32(1), np.float32(2)))
    values = PositionDraws(0, 0, np.arange(100), step=0, stream=0).uniform(1.0, high)
    assert (values < high).all()
    assert (values >= 1).all()


def test_seeds_depend_on_the_position_alone_and_differ():
    together = draws(range(200)).seeds()
    assert together.dtype == torch.int64
    assert together.min() >= 0
    assert len(together.unique()) == 200
    assert draws([7]).seeds().tolist() == [together[7]]


def test_all_images_of_a_step_share_its_numbers():
    numbers = [draws(positions, step=40).of_step(2, 3) for positions in ([40, 41], [47], range(42, 60))]
    assert len(set(numbers)) == 1
    assert 2 <= numbers[0] < 3
    others = [draws([40], **other).of_step(2, 3) for other in ({"step": 41}, {"epoch": 1, "step": 40}, {"seed": 1})]
    assert len({*numbers, *others}) == 4


def test_numbers_of_steps_are_uniform_and_not_those_of_images():
    of_steps = [draws([0], step=step).of_step() for step in range(1000)]
    assert abs(np.mean(of_steps) - 0.5) < 0.03
    assert abs(np.corrcoef(of_steps, draws(range(1000)).uniform())[0, 1]) < 0.1
    assert draws([0]).of_step(1.0, float(np.nextafter(1.0, 2.0))) == 1.0


def test_asking_for_one_kind_of_number_changes_the_next_ones_of_all_kinds():
    for first in (PositionDraws.uniform, PositionDraws.seeds, PositionDraws.of_step):
        drawn = draws(range(3))
        first(drawn)
        assert (drawn.uniform() != draws(range(3)).uniform()).all()
        assert drawn.of_step() != draws(range(3)).of_step()


def test_the_two_positions_of_a_pair_are_partners():
    assert draws(range(6)).partners().tolist() == [1, 0, 3, 2, 5, 4]
    assert draws([9, 4, 8, 5]).partners().tolist() == [2, 3, 0, 1]


def test_an_image_whose_partner_is_in_another_batch_has_itself():
    assert draws([1, 2, 3, 4]).partners().tolist() == [0, 2, 1, 3]
    assert draws([5]).partners().tolist() == [0]


def test_padding_repeats_a_position_and_mixes_with_the_same_partner():
    assert draws([2, 3, 2]).partners().tolist() == [1, 0, 1]


def test_batches_of_even_sizes_keep_the_pairs_of_the_whole():
    positions = np.arange(24)
    whole = positions[draws(positions).partners().numpy()]
    for size in (2, 4, 6, 12):
        parts = [part[draws(part).partners().numpy()] for part in np.split(positions, 24 // size)]
        assert (np.concatenate(parts) == whole).all()
