"""Retraining: features are those that the head sees, only the head changes, and each method is its formula."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn

from artkit.engine.assembly import assemble, open_data
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.evaluation import predict_split
from artkit.engine.features import FeatureReader, check_memory
from artkit.engine.heads import ScaledHead, write_tau_normalised
from artkit.engine.job import start
from artkit.engine.memory import free_memory
from artkit.engine.retraining import plan_retraining
from artkit.engine.structure import StructureError, find_head
from artkit.engine.trained import find_weights, load_trained
from artkit.errors import RecipeError, RunError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe, retraining_layer
from artkit.registry import load_registry
from artkit_shards import open_dataset
from artkit_shards.sizes import size_text

BEHIND = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("louder", louder)

    def louder(ctx):
        '''Doubles what its head says.'''
        from torch import nn

        class Louder(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Conv2d(ctx.in_channels, 4, 3)
                self.fc = nn.Linear(4, ctx.num_outputs)

            def forward(self, images):
                return 2 * self.fc(self.body(images).mean((2, 3)))

        return Louder()
"""


def trained_run(folder, data, *assignments, plugins=(), model="small-resnet"):
    """Carry out a short run; gives its folder."""
    layer = {
        "plugins": list(plugins),
        "data": {"path": str(data), "image_size": 16, "threads": 1},
        "train": {"epochs": 1, "batch_size": 8},
        "model": {"name": model, **({"width": 4} if model == "small-resnet" else {})},
        "loss": {"name": "cross-entropy"},
        "reporter": [],
    }
    recipe = resolve_recipe(layer, CommandLine(assignments=assignments), load_registry(plugins))
    return start(recipe, plugins=[], out=folder, warn=lambda _: None).folder


@pytest.fixture(scope="module")
def source(uneven_shards, tmp_path_factory):
    """A finished run."""
    return trained_run(tmp_path_factory.mktemp("source") / "run", uneven_shards)


def retraining(run, *assignments):
    """The recipe that retrains a run."""
    layer = retraining_layer(read_recipe_file(run / "recipe.toml"), find_weights(run))
    return resolve_recipe(layer, CommandLine(assignments=assignments), load_registry(layer["plugins"]))


def assembled(run, *assignments):
    recipe = retraining(run, *assignments)
    return assemble(recipe, open_data(recipe))


def carried_out(run, folder, *assignments):
    start(retraining(run, *assignments), plugins=[], out=folder, warn=lambda _: None)
    return folder


def reader_of(assembly):
    head = find_head(assembly.model, len(assembly.dataset.class_names))
    return FeatureReader(
        assembly, head, assembly.recipe.retrain.views, on_batch=lambda *_: None, tell=lambda _: None
    ), head


def model_of(path):
    return load_checkpoint(path)["model"]


@pytest.mark.parametrize("options", [(), ("train.tta=true", "train.precision=bf16")], ids=["plain", "mirrored in bf16"])
def test_the_head_gives_of_features_what_the_model_gives_of_images_bit_for_bit(source, options):
    assembly = assembled(source, *options)
    reader, head = reader_of(assembly)
    train = assembly.recipe.train
    features_VND = reader.of_split(assembly.tested, mirrored=train.tta)
    with torch.no_grad(), assembly.precision.autocast():
        said = [[head(batch).float().double() for batch in torch.split(view, 8)] for view in features_VND]
    logits = predict_split(
        assembly.model,
        assembly.recipe.model.component,
        assembly.tested,
        assembly.preprocessing,
        batch_size=8,
        threads=1,
        device=assembly.device,
        precision=assembly.precision,
        mirrored=False,
    )
    assert np.array_equal(torch.cat(said[0]).numpy(), logits)
    assert len(said) == 1 + train.tta


def test_features_of_training_are_those_of_evaluation_in_the_order_of_the_split(source):
    assembly = assembled(source)
    reader, _ = reader_of(assembly)
    expected = reader.of_split(assembly.train, mirrored=False)
    assert torch.allclose(reader.of_training().views, expected, atol=1e-5)


@pytest.mark.parametrize("views", [0, 2])
def test_for_an_image_that_cannot_be_used_the_head_learns_features_and_labels_of_the_one_in_its_place(
    source, uneven_shards, tmp_path, views
):
    shutil.copytree(uneven_shards, tmp_path / "shards")
    split = open_dataset(tmp_path / "shards").split("train")
    data, shard = split.read(4), tmp_path / "shards" / split.shard_of(4)
    shard.write_bytes(shard.read_bytes().replace(data, bytes(len(data))))
    reader, _ = reader_of(assembled(source, f"data.path={tmp_path / 'shards'}", f"retrain.views={views}"))
    features = reader.of_training()
    others = np.delete(np.arange(len(split)), 4)
    for view, features_ND in enumerate(features.views):
        chosen = torch.full((len(split),), view)
        rows = features.rows_of(chosen, np.arange(len(split)))
        assert rows[4] != 4
        assert np.array_equal(rows[others], others)
        assert split.labels[rows[4]] == split.labels[4]
        assert features_ND[rows].any(dim=1).all()


def test_views_are_augmented_each_in_its_own_way_and_the_same_in_any_batches(source):
    assembly = assembled(source, "retrain.views=2")
    views = reader_of(assembly)[0].of_training().views
    plain = reader_of(assembled(source))[0].of_training().views[0]
    assert len(views) == 2
    assert not torch.allclose(views[0], views[1], atol=1e-3)
    assert not torch.allclose(views[0], plain, atol=1e-3)
    assert torch.allclose(
        reader_of(assembled(source, "retrain.views=2", "train.batch_size=5", "data.threads=2"))[0].of_training().views,
        views,
        atol=1e-5,
    )


def test_views_leave_out_what_mixes_images(uneven_shards, tmp_path):
    layer = {"augmenter": [{"name": "mixup"}, {"name": "affine"}]}
    registry = load_registry(())
    recipe = resolve_recipe(layer, CommandLine(), registry)
    run = trained_run(tmp_path / "run", uneven_shards)
    plain = assembled(run, "retrain.views=1").augment
    both = assemble(recipe, open_data(recipe)).augment.unmixed()
    images = torch.rand(4, 3, 16, 16)
    positions = np.arange(4)
    assert both(images, 0, positions, 0).mixed is None
    # The second of a chain draws other numbers than the first.
    assert not torch.equal(both(images, 0, positions, 0).images, plain(images, 0, positions, 0).images)


@pytest.mark.parametrize("method", ["crt", "lws", "tau-norm"])
def test_all_but_the_head_stays_bit_for_bit_and_the_head_does_not(source, tmp_path, method):
    run = carried_out(source, tmp_path / "run", f"retrain.method={method}", "train.epochs=3")
    before = model_of(find_weights(source))
    for file in ("best_accuracy", "best_loss", "best_macro_recall"):
        after = model_of(run / f"{file}.safetensors")
        assert after.keys() == before.keys()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        # Without tau-normalisation (0) only the bias goes.
        assert {"fc.bias"} <= changed <= {"fc.weight", "fc.bias"}
    assert "bn1.running_mean" in before


def test_the_same_recipe_gives_the_same_weights_bit_for_bit(source, tmp_path):
    first = carried_out(source, tmp_path / "first", "train.epochs=2")
    again = resolve_recipe(read_recipe_file(first / "recipe.toml"), CommandLine(), load_registry(()))
    second = start(again, plugins=[], out=tmp_path / "second", warn=lambda _: None).folder
    one, other = (model_of(folder / "best_loss.safetensors") for folder in (first, second))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_seed_decides_where_the_new_head_starts(source, tmp_path):
    runs = [
        carried_out(source, tmp_path / f"{seed}", "train.epochs=1", "optimizer.lr=1e-9", f"train.seed={seed}")
        for seed in (0, 1)
    ]
    one, other = (model_of(run / "best_loss.safetensors")["fc.weight"] for run in runs)
    assert not torch.allclose(one, other, atol=1e-3)
    assert not torch.allclose(one, model_of(find_weights(source))["fc.weight"], atol=1e-3)


def test_learnt_factors_scale_the_logits_of_a_class_and_nothing_else(source, tmp_path):
    run = carried_out(source, tmp_path / "run", "retrain.method=lws", "train.epochs=3")
    before, after = (model_of(path) for path in (find_weights(source), run / "best_loss.safetensors"))
    scales = after["fc.weight"] / before["fc.weight"]
    assert torch.allclose(scales, scales[:, :1].expand_as(scales), rtol=1e-4)
    assert torch.allclose(after["fc.bias"] / before["fc.bias"], scales[:, 0], rtol=1e-4)
    assert not torch.allclose(scales[:, 0], torch.ones(3), atol=1e-3)


def test_a_scaled_head_is_written_into_one_layer():
    head, features = nn.Linear(5, 3), torch.randn(4, 5)
    scaled = ScaledHead(head)
    assert torch.equal(scaled(features), head(features))
    with torch.no_grad():
        scaled.scales_K.copy_(torch.tensor([0.5, 1.0, 3.0]))
    expected = scaled(features)
    scaled.write_to(head)
    assert torch.allclose(head(features), expected, atol=1e-6)


def test_tau_normalisation_divides_by_a_power_of_the_length():
    source, head, features = nn.Linear(6, 4), nn.Linear(6, 4), torch.randn(5, 6)
    with torch.no_grad():
        source.weight *= torch.tensor([8.0, 4.0, 2.0, 1.0])[:, None]
    lengths = source.weight.norm(dim=1)
    for tau in (0.0, 0.7, 1.0):
        write_tau_normalised(source, tau, head, [slice(0, 4)])
        formula = (features @ source.weight.T) / lengths**tau
        # One number for all classes changes no answer.
        ratio = head(features) / formula
        assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-3)
    assert torch.allclose(head.weight.norm(dim=1), lengths.log().mean().exp().expand(4))


def test_tau_normalisation_keeps_the_mean_length_of_each_target():
    source, head = nn.Linear(6, 5), nn.Linear(6, 5)
    with torch.no_grad():
        source.weight[3:] *= 100
    write_tau_normalised(source, 1.0, head, [slice(0, 3), slice(3, 5)])
    before, after = source.weight.norm(dim=1).log(), head.weight.norm(dim=1).log()
    expected = torch.cat([before[:3].mean().expand(3), before[3:].mean().expand(2)])
    assert torch.allclose(after, expected, atol=1e-4)


def test_strengths_are_tried_evenly_and_the_best_is_kept(source, tmp_path):
    run = carried_out(source, tmp_path / "run", "retrain.method=tau-norm", "train.epochs=5", "train.select=loss")
    trained = load_trained(find_weights(run))
    head = find_head(trained.model, 3)
    before = find_head(load_trained(find_weights(source)).model, 3)
    candidates = [nn.Linear(before.in_features, 3) for _ in range(5)]
    for number, candidate in enumerate(candidates):
        write_tau_normalised(before, 0.5 * number, candidate, [slice(0, 3)])
    assert sum(torch.allclose(head.weight, candidate.weight) for candidate in candidates) == 1
    assert not head.bias.any()


def test_what_comes_behind_the_head_is_refused(plugin_site, uneven_shards, tmp_path):
    plugin_site.add("artkit-louder", BEHIND)
    run = trained_run(tmp_path / "run", uneven_shards, model="louder")
    with pytest.raises(RunError, match=r"model 'louder' .* does something behind its last layer"):
        carried_out(run, tmp_path / "retrained")


def test_a_head_of_several_layers_is_refused():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5))
    assert find_head(model, 5) is model[4]
    model.artkit_stages = ["0"]
    with pytest.raises(StructureError, match=r"not one nn.Linear with 5 outputs: 2 \(Linear\), 4 \(Linear\); if one"):
        find_head(model, 5)
    model.artkit_stages = ["0", "2", "4.bias"]
    assert find_head(model, 5) is model[4]
    with pytest.raises(StructureError, match=r"has no nn.Linear with 7 outputs"):
        find_head(nn.Sequential(nn.Linear(4, 5)), 7)


def test_features_that_would_not_fit_are_refused_before_anything_is_computed(source):
    assembly = assembled(source, "retrain.views=1000000000")
    with pytest.raises(RunError, match=r"take [\d.e+]+ GB, and .* of memory are free; use fewer --views"):
        plan_retraining(assembly, assembly.recipe.retrain)


def test_the_size_of_features_is_foretold(source):
    assembly = assembled(source, "train.tta=true")
    reader, head = reader_of(assembly)
    tensors = (reader.of_training().views, reader.of_split(assembly.validation, mirrored=True))
    assert check_memory(assembly, head, 0) == sum(4 * tensor.numel() for tensor in tensors)


def test_sizes_are_told_in_words():
    assert [size_text(n) for n in (0, 999, 5_400_000, 12_300_000_000)] == ["0 bytes", "999 bytes", "5.4 MB", "12.3 GB"]
    free = free_memory()
    assert free is None or free > 1_000_000


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("train.ema=0.9", r"train.ema=0.9 does not go with \[retrain\], where the head alone learns.* leave it at 0.0"),
        ("train.freeze=none", "train.freeze=none does not go with .* leave it at all"),
        ("data.grow_from=8", "data.grow_from=8 does not go with .* leave it at 0"),
        ("retrain.method=ncm", "'crt', 'tau-norm'"),
        ("model.weights=none", "model.weights does not say which"),
    ],
)
def test_what_a_head_alone_has_no_use_for_is_refused(source, option, message):
    with pytest.raises(RecipeError, match=message):
        retraining(source, option)


def test_views_need_augmenters(source):
    layer = {**retraining_layer(read_recipe_file(source / "recipe.toml"), find_weights(source)), "augmenter": []}
    with pytest.raises(RecipeError, match=r"retrain.views=2 are views by augmenters, and the recipe has none"):
        resolve_recipe(layer, CommandLine(assignments=["retrain.views=2"]), load_registry(()))


def test_other_classes_get_a_new_head_and_no_other_method(source, shape_shards, tmp_path):
    elsewhere = f"data.path={shape_shards}"
    run = carried_out(source, tmp_path / "run", elsewhere, "train.epochs=1")
    assert load_trained(find_weights(run)).heads[0].class_names == ("shape-0", "shape-1", "shape-2")
    with pytest.raises(RecipeError, match=r"retrain.method=lws needs the head of the run, and its classes are not"):
        carried_out(source, tmp_path / "other", elsewhere, "retrain.method=lws")
    assert not (tmp_path / "other").exists()
