"""Samplers: exact counts in every epoch and over all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit import RecipeError, SamplerContext
from artkit.registry import load_registry
from artkit_plugins.samplers import by_class, by_column, class_balanced, natural, progressive, repeat_factor, sqrt
from artkit_plugins.samplers.shares import largest_remainder

SAMPLERS = {each.name: each for each in load_registry().components("sampler") if each.plugin.is_builtin}
VARIANTS = [
    *((name, {}) for name in SAMPLERS if name not in ("by-class", "by-column")),
    ("by-class", {"weights": {"class 0": 2.5}}),
    ("by-column", {"column": "rate"}),
    ("class-balanced", {"size": 50}),
]
every_sampler = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: " ".join(map(str, variant)))

# Samples of each class; some classes may have none, at least one has some.
class_sizes = st.lists(st.integers(0, 12), min_size=1, max_size=8).filter(any)


def build(variant, ctx):
    name, options = variant
    return SAMPLERS[name].build(ctx, options)


def context(sizes, *, seed=0, shuffle_seed=0, num_epochs=5, **columns):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(shuffle_seed).shuffle(labels)
    labels.setflags(write=False)
    names = [f"class {k}" for k in range(len(sizes))]
    columns |= {"class": [names[k] for k in labels], "rate": [str(1 + k / 3) for k in labels]}
    return SamplerContext(
        labels=labels, class_names=names, seed=seed, num_epochs=num_epochs, column=columns.__getitem__
    )


def class_totals(ctx, counts):
    return np.array([counts[ctx.labels == k].sum() for k in range(len(ctx.class_names))])


def spread(values):
    return int(values.max() - values.min()) if len(values) else 0


def assert_even_within_classes(ctx, counts):
    for k in range(len(ctx.class_names)):
        assert spread(counts[ctx.labels == k]) <= 1


@every_sampler
@given(
    sizes=class_sizes.filter(lambda sizes: sum(sizes) >= 2),
    epoch=st.integers(0, 1000),
    seed=st.integers(-5, 5),
    num_epochs=st.integers(1, 40),
)
def test_counts_fulfil_the_contract_of_samplers(variant, sizes, epoch, seed, num_epochs):
    ctx = context(sizes, seed=seed, num_epochs=num_epochs)
    sampler = build(variant, ctx)
    counts = sampler.counts(epoch)
    assert (counts.shape, counts.dtype) == ((sum(sizes),), np.int64)
    assert counts.min() >= 0
    assert counts.sum() >= 2
    sampler.counts(0)
    np.testing.assert_array_equal(counts, build(variant, ctx).counts(epoch))
    np.testing.assert_array_equal(counts, sampler.counts(epoch))


@every_sampler
@given(sizes=class_sizes.filter(lambda sizes: sum(sizes) >= 2), epochs=st.integers(1, 12))
def test_images_of_a_class_stay_within_one_of_each_other_in_an_epoch_and_over_all_epochs(variant, sizes, epochs):
    ctx = context(sizes)
    sampler = build(variant, ctx)
    total = np.zeros(len(ctx.labels), dtype=np.int64)
    for epoch in range(epochs):
        counts = sampler.counts(epoch)
        assert_even_within_classes(ctx, counts)
        total += counts
        assert_even_within_classes(ctx, total)


@every_sampler
def test_without_training_images_there_is_a_clear_error(variant):
    with pytest.raises(RecipeError, match="no training images to sample from"):
        build(variant, context([0, 0]))


@given(sizes=class_sizes, epoch=st.integers(0, 5))
def test_natural_draws_every_image_once(sizes, epoch):
    np.testing.assert_array_equal(natural(context(sizes)).counts(epoch), np.ones(sum(sizes)))


@given(sizes=class_sizes, size=st.none() | st.integers(1, 60), epochs=st.integers(1, 12))
def test_balanced_class_totals_differ_by_at_most_one_in_an_epoch_and_over_all_epochs(sizes, size, epochs):
    ctx = context(sizes)
    sampler = class_balanced(ctx, size=size)
    present = np.array(sizes) > 0
    total = np.zeros(len(sizes), dtype=np.int64)
    for epoch in range(epochs):
        shares = class_totals(ctx, sampler.counts(epoch))
        assert shares.sum() == (sum(sizes) if size is None else size)
        assert spread(shares[present]) <= 1
        assert not shares[~present].any()
        total += shares
        assert spread(total[present]) <= 1


def test_balanced_draws_of_a_small_example():
    ctx = context([6, 3, 1])
    sampler = class_balanced(ctx)
    assert [list(class_totals(ctx, sampler.counts(epoch))) for epoch in range(4)] == [
        [4, 3, 3],
        [3, 4, 3],
        [3, 3, 4],
        [4, 3, 3],
    ]
    large_class = np.array([sampler.counts(epoch)[ctx.labels == 0] for epoch in range(3)])
    assert large_class.max() == 1  # 4, 3 and 3 of its 6 images, none twice
    assert large_class.sum(0).min() == 1  # and each within three epochs


def test_images_left_over_rotate_instead_of_being_the_same_each_epoch():
    ctx = context([10, 4])
    counts = np.array([class_balanced(ctx).counts(epoch) for epoch in range(10)])
    extra = counts[:, ctx.labels == 1] > 1
    assert (extra.sum(0) > 0).all()
    assert not extra.all(axis=0).any()


def test_order_in_a_class_depends_on_the_seed_and_not_on_the_order_of_files():
    first, second = (
        class_balanced(ctx).counts(0)[ctx.labels == 0] for ctx in (context([40, 2], seed=seed) for seed in (0, 1))
    )
    assert first.sum() == second.sum() == 21
    assert not np.array_equal(first, second)
    assert list(first) != [1] * 21 + [0] * 19


@given(sizes=class_sizes, epoch=st.integers(0, 5))
def test_square_root_totals_are_within_one_of_their_share(sizes, epoch):
    ctx = context(sizes)
    shares = class_totals(ctx, sqrt(ctx).counts(epoch))
    quotas = np.sqrt(sizes) / np.sqrt(sizes).sum() * sum(sizes)
    assert shares.sum() == sum(sizes)
    assert (np.abs(shares - quotas) < 1 + 1e-9).all()
    assert (shares[np.array(sizes) > 0] >= 1).all()


def test_square_root_totals_of_an_example():
    ctx = context([100, 25, 4, 1])  # roots 10, 5, 2, 1 of 18: 72.2, 36.1, 14.4 and 7.2 of 130
    assert list(class_totals(ctx, sqrt(ctx).counts(0))) == [72, 36, 15, 7]


def test_largest_fractions_are_rounded_up_first_ones_first():
    assert list(largest_remainder(np.array([1.0, 1.0, 1.0]), 4)) == [2, 1, 1]
    assert list(largest_remainder(np.array([0.7, 0.0, 0.3]), 4)) == [3, 0, 1]


@given(sizes=class_sizes, cap=st.floats(1, 10), threshold=st.none() | st.floats(0.01, 1))
def test_repeat_factor_totals_follow_the_formula(sizes, cap, threshold):
    ctx = context(sizes)
    shares = class_totals(ctx, repeat_factor(ctx, threshold=threshold, cap=cap).counts(0))
    used = 1 / np.count_nonzero(sizes) if threshold is None else threshold
    for share, size in zip(shares, sizes, strict=True):
        if size:
            factor = min(max(1.0, np.sqrt(used / (size / sum(sizes)))), cap)
            assert abs(share - factor * size) <= 0.5 + 1e-9
        else:
            assert share == 0


def test_repeat_factor_of_an_example():
    ctx = context([90, 9, 1])  # a third each would be even; 9 of 100 are repeated 1.92 times, 1 of 100 5.77 times
    sampler = repeat_factor(ctx)
    assert list(class_totals(ctx, sampler.counts(0))) == [90, 17, 6]
    assert (sampler.counts(0) >= 1).all()
    assert list(class_totals(ctx, repeat_factor(ctx, cap=2.0).counts(0))) == [90, 17, 2]


@given(sizes=class_sizes, num_epochs=st.integers(2, 20))
def test_progressive_moves_from_natural_to_balanced_in_exact_steps(sizes, num_epochs):
    ctx = context(sizes, num_epochs=num_epochs)
    sampler, total, present = progressive(ctx), sum(sizes), np.array(sizes) > 0
    owed = np.zeros(len(sizes))
    for epoch in range(num_epochs):
        balance = epoch / (num_epochs - 1)
        quotas = (1 - balance) * np.array(sizes) + balance * total / present.sum() * present
        shares = class_totals(ctx, sampler.counts(epoch))
        assert shares.sum() == total
        assert (np.abs(shares - quotas) < 1).all()
        owed += quotas - shares
        assert (np.abs(owed) < 1 + 1e-9).all()
    np.testing.assert_array_equal(class_totals(ctx, sampler.counts(0)), sizes)
    assert spread(class_totals(ctx, sampler.counts(num_epochs - 1))[present]) <= 1
    assert spread(class_totals(ctx, sampler.counts(num_epochs + 3))[present]) <= 1


def test_progressive_draws_of_a_small_example():
    ctx = context([7, 2], num_epochs=3)
    shares = [list(class_totals(ctx, progressive(ctx).counts(epoch))) for epoch in range(5)]
    assert shares == [[7, 2], [6, 3], [4, 5], [5, 4], [4, 5]]


def test_progressive_in_a_single_epoch_is_natural():
    np.testing.assert_array_equal(progressive(context([7, 2], num_epochs=1)).counts(0), np.ones(9))


@given(sizes=class_sizes, factors=st.lists(st.floats(1, 4), min_size=8, max_size=8), epochs=st.integers(1, 12))
def test_classes_by_name_appear_by_their_factor_exactly_over_the_epochs(sizes, factors, epochs):
    ctx = context([2, *sizes])
    weights = dict(zip(ctx.class_names, factors, strict=False))
    sampler = by_class(ctx, weights=weights)
    quotas = np.array([weights.get(name, 1.0) for name in ctx.class_names]) * [2, *sizes]
    total = np.zeros(len(ctx.class_names), dtype=np.int64)
    for epoch in range(epochs):
        shares = class_totals(ctx, sampler.counts(epoch))
        assert (np.abs(shares - quotas) < 1 + 1e-9).all()
        total += shares
    assert (np.abs(total - epochs * quotas) <= 0.5 + 1e-6).all()


def test_a_class_by_half_shows_each_of_its_images_every_other_epoch():
    ctx = context([10, 6])
    counts = np.array([by_class(ctx, weights={"class 1": 0.5}).counts(epoch) for epoch in range(4)])
    assert (counts[:, ctx.labels == 0] == 1).all()
    assert (counts[0::2, ctx.labels == 1].sum(0) + counts[1::2, ctx.labels == 1].sum(0) == 2).all()
    assert (counts[0] + counts[1])[ctx.labels == 1].tolist() == [1] * 6


def test_names_of_classes_that_are_not_there_are_refused():
    with pytest.raises(RecipeError, match=r"sampler\.weights has the class 'clas 1', .*Did you mean 'class 1'\?"):
        by_class(context([3, 3]), weights={"clas 1": 2.0})
    with pytest.raises(
        RecipeError, match=r"sampler\.weights has -1\.0 for the class 'class 1'; a weight must be above 0"
    ):
        by_class(context([3, 3]), weights={"class 1": -1.0})


def test_weights_that_leave_an_epoch_without_images_are_refused():
    with pytest.raises(RecipeError, match=r"sampler\.weights leaves less than two images for some epochs"):
        by_class(context([3, 3]), weights={"class 0": 0.1, "class 1": 0.4})


def numbers(values, **changes):
    """A column of numbers, as a data set says them; None where it says nothing."""
    return context([len(values)], weight=[None if value is None else str(value) for value in values], **changes)


@given(
    weights=st.lists(st.sampled_from([0, 0.25, 0.5, 1, 1.5, 3, None]) | st.floats(0, 4), min_size=1, max_size=12),
    epochs=st.integers(1, 12),
)
def test_each_image_appears_as_often_as_its_column_says_exactly_over_the_epochs(weights, epochs):
    weights = [2.0, 2.0, *weights]
    sampler = by_column(numbers(weights), column="weight")
    total = sum(sampler.counts(epoch) for epoch in range(epochs))
    factors = np.array([1.0 if weight is None else weight for weight in weights])
    assert (np.abs(total - epochs * factors) < 1 + 1e-6).all()
    for factor in factors:
        assert spread(total[factors == factor]) <= 1
        assert abs(total[factors == factor].sum() - epochs * factors[factors == factor].sum()) < 1 + 1e-6


def test_images_of_many_weights_take_turns_so_that_epochs_are_about_as_long():
    weights = np.linspace(0.55, 0.95, 400)
    sampler = by_column(numbers(weights), column="weight")
    lengths = np.array([sampler.counts(epoch).sum() for epoch in range(10)])
    assert np.abs(lengths - weights.sum()).max() < 40


def test_values_by_name_appear_by_their_factor_and_all_others_once():
    styles = ["flat", None, "line", "flat", "other"] * 4
    sampler = by_column(context([20], style=styles), column="style", weights={"flat": 2.0, "line": 0.5})
    counts = sampler.counts(0) + sampler.counts(1)
    expected = {"flat": 4, "line": 1, "other": 2, None: 2}
    assert counts.tolist() == [expected[style] for style in styles]


def test_the_column_of_the_classes_draws_them_as_the_sampler_by_class():
    ctx, weights = context([6, 3, 8]), {"class 0": 2.0, "class 2": 0.4}
    by_name, by_value = by_class(ctx, weights=weights), by_column(ctx, column="class", weights=weights)
    totals = [sum(class_totals(ctx, sampler.counts(epoch)) for epoch in range(5)) for sampler in (by_name, by_value)]
    np.testing.assert_array_equal(*totals)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "much"])
def test_what_is_no_number_of_appearances_is_refused(value):
    with pytest.raises(RecipeError, match=rf"sampler\.column=weight has '{value}', which is no number of 0 or more"):
        by_column(numbers([1, value]), column="weight")


def test_misspelt_values_and_epochs_without_images_are_refused():
    styles = context([4], style=["flat", "line", "flat", None])
    with pytest.raises(RecipeError, match=r"sampler\.weights has the class 'lime', .*Did you mean 'line'\?"):
        by_column(styles, column="style", weights={"lime": 2.0})
    with pytest.raises(RecipeError, match=r"sampler\.column=weight leaves less than two images for some epochs"):
        by_column(numbers([0, 0, 1]), column="weight")


@pytest.mark.slow
def test_ten_million_images_take_seconds():
    shares = 1 / np.arange(1, 1001)
    ctx = context(np.ceil(1.34e6 * shares).astype(int))
    assert len(ctx.labels) > 10_000_000
    counts = class_balanced(ctx).counts(7)
    totals = np.bincount(ctx.labels, weights=counts)
    assert totals.max() - totals.min() <= 1
