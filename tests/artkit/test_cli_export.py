"""`artkit export`: files that answer as artkit does, in any batch, with what one must know to use them."""

import json
import re
import shutil

import numpy as np
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.exporting.checking import largest_difference, real_images
from artkit.engine.exporting.export import export_model
from artkit.engine.exporting.portable import PortableModel
from artkit.engine.open_set.fitted import load_temperatures
from artkit.engine.predicting import Predictor
from artkit.engine.trained import find_weights, load_trained
from artkit.errors import ArtkitError, RunError
from artkit_shards import open_dataset

FORMAT_NAMES = ("onnx", "torch-export")


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments):
    result = artkit("export", *arguments)
    assert isinstance(result.exception, ArtkitError), result.output
    return str(result.exception)


def exported(run, out, *options):
    result = artkit("export", run, "--out", out, *options)
    assert result.exit_code == 0, result.output
    return result.output


def runner_of(path, format_name):
    """Images (B, 3, S, S) -> the logits of each target; and the facts of the file."""
    if format_name == "onnx":
        session = onnxruntime.InferenceSession(path)
        return lambda images: session.run(None, {"images": images}), session.get_modelmeta().custom_metadata_map
    extra = {"artkit.json": ""}
    module = torch.export.load(path, extra_files=extra).module()
    run = lambda images: [logits.numpy() for logits in module(torch.from_numpy(images))]  # noqa: E731
    return run, json.loads(extra["artkit.json"])


def pictures_of(predictor, data):
    split = open_dataset(data).split("test")
    return np.stack([predictor.picture(split.read(row)) for row in range(len(split))])


def as_input(pictures):
    return pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255


def probabilities(logits):
    return torch.from_numpy(logits).double().softmax(1).numpy()


@pytest.fixture(scope="module", params=FORMAT_NAMES)
def file(request, uneven_run, tmp_path_factory):
    """An exported run, as format, path, and what was printed."""
    out = tmp_path_factory.mktemp("exported") / "model"
    return request.param, out, exported(uneven_run, out, "--format", request.param, "--tau", "0.5")


def test_the_file_answers_as_artkit_does_in_any_batch(file, uneven_run, uneven_shards):
    format_name, path, _ = file
    run, _ = runner_of(path, format_name)
    predictor = Predictor(load_trained(find_weights(uneven_run)), tau=0.5)
    pictures = pictures_of(predictor, uneven_shards)
    answers = predictor.answer(pictures)
    expected = answers.probabilities(predictor.heads[0])
    for size in (1, 2, len(pictures)):
        (logits,) = run(as_input(pictures[:size]))
        assert logits.shape == (size, 3)
        assert probabilities(logits) == pytest.approx(expected[:size], abs=1e-5)
        assert logits == pytest.approx(answers.logits(predictor.heads[0])[:size], abs=1e-4)


def test_what_one_must_know_goes_with_the_file(file, uneven_run):
    format_name, path, _ = file
    _, facts = runner_of(path, format_name)
    assert json.loads(facts["classes"]) == {"class": ["few", "many", "some"]}
    assert json.loads(facts["outputs"]) == {"class": "logits"}
    shown = json.loads(facts["preprocessing"])
    assert (shown["image_size"], shown["fit"], shown["background"]) == (16, "letterbox", "white")
    assert (facts["tau"], facts["mirrored"], facts["run"]) == ("0.5", "true", "run")
    assert facts["temperature"] == "null"
    assert facts["artkit_version"]
    assert "rights in the images" in facts["licence"]


def test_the_difference_is_told(file):
    _, path, output = file
    assert f"{path}: " in output
    assert "images in, logits out" in output
    assert "differs from PyTorch by " in output
    assert re.search(r" at most, on \d real images", output)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_several_targets_have_an_output_each(two_target_run, two_target_shards, tmp_path, format_name):
    exported(two_target_run, tmp_path / "model", "--format", format_name, "--no-tta")
    run, facts = runner_of(tmp_path / "model", format_name)
    predictor = Predictor(load_trained(find_weights(two_target_run)), mirrored=False)
    pictures = pictures_of(predictor, two_target_shards)
    answers = predictor.answer(pictures)
    assert json.loads(facts["outputs"]) == {"artist": "logits_artist", "style": "logits_style"}
    for head, logits in zip(predictor.heads, run(as_input(pictures)), strict=True):
        assert probabilities(logits) == pytest.approx(answers.probabilities(head), abs=1e-5)


def test_by_default_the_file_lies_in_the_run(uneven_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(uneven_run, run)
    assert artkit("export", run, "--format", "torch-export").exit_code == 0
    assert (run / "model.pt2").is_file()
    assert "model.pt2 is there already; name another --out" in refused(run, "--format", "torch-export")


def test_a_run_of_mixed_precision_is_exported_in_float32_in_which_artkit_answers_too(
    uneven_run, uneven_shards, tmp_path
):
    shutil.copytree(uneven_run, tmp_path / "run")
    path = find_weights(tmp_path / "run")
    checkpoint = load_checkpoint(path)
    checkpoint["recipe"]["train"]["precision"] = "bf16"
    save_checkpoint(path, checkpoint)
    exported(tmp_path / "run", tmp_path / "model", "--format", "torch-export")
    run, _ = runner_of(tmp_path / "model", "torch-export")
    predictor = Predictor(load_trained(path))
    pictures = pictures_of(predictor, uneven_shards)
    expected = predictor.answer(pictures).probabilities(predictor.heads[0])
    assert probabilities(run(as_input(pictures))[0]) == pytest.approx(expected, abs=1e-5)


def test_calibrated_files_have_the_temperature_in_them(two_target_run, two_target_shards, tmp_path):
    exported(two_target_run, tmp_path / "model", "--format", "torch-export", "--calibrated")
    run, facts = runner_of(tmp_path / "model", "torch-export")
    trained = load_trained(find_weights(two_target_run))
    temperatures = load_temperatures(two_target_run, trained)
    assert json.loads(facts["temperature"]) == temperatures
    assert temperatures.keys() == {"artist", "style"}
    predictor = Predictor(trained, temperatures=temperatures)
    pictures = pictures_of(predictor, two_target_shards)
    answers = predictor.answer(pictures)
    for head, logits in zip(predictor.heads, run(as_input(pictures)), strict=True):
        assert logits == pytest.approx(answers.logits(head), abs=1e-4)


def test_mistakes_are_told_before_any_work(uneven_run, tmp_path):
    (tmp_path / "model.onnx").write_text("mine")
    assert "name another --out" in refused(uneven_run, "--out", tmp_path / "model.onnx")
    assert "--tau nan is no finite number" in refused(uneven_run, "--tau", "nan")
    assert "is not a run folder" in refused(tmp_path, "--out", tmp_path / "other.onnx")
    assert (tmp_path / "model.onnx").read_text() == "mine"


def test_without_its_packages_a_format_says_what_to_install(uneven_run, monkeypatch):
    monkeypatch.setattr("artkit.engine.exporting.formats.find_spec", lambda name: None if "script" in name else name)
    message = refused(uneven_run, "--out", "model.onnx")
    assert "the format onnx needs onnxscript; install what it takes with: pip install 'artkit[export]'" in message


@pytest.fixture(scope="module")
def predictor(uneven_run):
    return Predictor(load_trained(find_weights(uneven_run)))


@pytest.fixture(scope="module")
def portable(predictor):
    trained = predictor.trained
    return PortableModel(trained.model, trained.preprocessing, trained.heads, tau=0.0, mirrored=True).eval()


def test_the_mean_with_mirror_images_bears_classes_that_are_all_but_impossible(portable):
    logits = torch.tensor([[200.0, 0.0, -200.0], [0.0, 1.0, 2.0]])
    others = torch.tensor([[190.0, 0.0, -300.0], [2.0, 1.0, 0.0]])
    mean = portable._mean(logits, others)
    assert torch.isfinite(mean).all()
    expected = (logits.softmax(1) + others.softmax(1)) / 2
    assert mean.softmax(1).numpy() == pytest.approx(expected.numpy())


def test_a_file_that_differs_is_noticed(predictor, portable):
    pictures = real_images(predictor)
    assert pictures.dtype == np.uint8

    def run(images, error):
        with torch.no_grad():
            return [logits.numpy() + np.float32(error) for logits in portable(torch.from_numpy(images))]

    assert largest_difference(portable, lambda images: run(images, 0.0), pictures) == 0
    assert largest_difference(portable, lambda images: run(images, 0.1), pictures) > 1e-2
    assert largest_difference(portable, lambda images: run(images, 0.1 * (len(images) == 1)), pictures) > 1e-2
    assert largest_difference(portable, lambda images: run(images, np.nan), pictures) == float("inf")


def test_a_file_that_differs_is_refused(predictor):
    class Coarse:
        name, ending, packages = "coarse", ".c", ()

        @staticmethod
        def write(model, _example, _outputs, _facts):
            Coarse.model = model
            return b"file"

        @staticmethod
        def load(_data):
            return lambda images: [logits.numpy().round(1) for logits in Coarse.model(torch.from_numpy(images))]

    with pytest.raises(RunError, match=r"exported as coarse, differs from PyTorch by .* nothing was written"):
        export_model(predictor, Coarse, run="run")


STRANGE = """
from artkit import hookimpl


@hookimpl
def artkit_models(register):
    register("strange", strange)


def strange(ctx):
    import torch

    class Strange(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(3, ctx.num_outputs)

        def forward(self, images):
            means = images.mean((2, 3))
            return self.head(means + float(means.max().item() > 0))

    return Strange()
"""


def test_a_model_that_cannot_be_exported_is_told(shape_shards, tmp_path):
    (tmp_path / "strange.py").write_text(STRANGE)
    (tmp_path / "recipe.toml").write_text(
        f'[data]\npath = "{shape_shards}"\nimage_size = 16\n[train]\nepochs = 1\nbatch_size = 4\n[model]\n'
        'name = "strange"\n[plugins]\nfiles = ["strange.py"]\n[[reporter]]\nname = "metrics"\n'
    )
    result = artkit("run", tmp_path / "recipe.toml", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    message = refused(tmp_path / "run", "--format", "torch-export")
    assert "model 'strange'" in message
    assert "cannot be exported as torch-export: " in message
    assert not (tmp_path / "run" / "model.pt2").exists()
