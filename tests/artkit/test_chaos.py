"""Plugins that misbehave in every known way, all at once: a run ends well, with the numbers it has without them.

Two of them do nothing but share names that the run does not use: the list of plugins tells of these.
"""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from artkit.cli import app

QUICK = [
    *("--image-size", "16", "--batch-size", "4", "--epochs", "1", "--set", "data.threads=1", "--set", "model.width=8"),
    # What draws takes longer than training does here.
    *(f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")),
]

REGISTERS = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("{name}", lambda ctx: None)
"""

HALF = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("half", lambda ctx: None)
        raise RuntimeError("out of ideas")
"""

PLUGINS = {
    "raises": "raise ImportError('no kornia here')",
    "exits": "import sys\n    sys.exit('no GPU')",
    "misspelt": "from artkit import hookimpl\n    @hookimpl\n    def artkit_modles(register): ...",
    "default": "from artkit import hookimpl\n    @hookimpl\n    def artkit_models(register=None): ...",
    "duplicate": REGISTERS.format(name="hanging"),
    "shadows": REGISTERS.format(name="small-resnet"),
    "old": "raise AssertionError('imported')",
    "hangs": "import time\n    time.sleep(2)\n" + REGISTERS.format(name="hanging"),
    "prints": "print('Thank you for choosing us!')\n" + REGISTERS.format(name="printing"),
    "seeds": "import random, torch\n    random.seed(7)\n    torch.manual_seed(7)\n" + REGISTERS.format(name="seeding"),
    "half": HALF,
    "list": "from artkit import hookimpl\n    @hookimpl\n    def artkit_models(register):\n        return ['nothing']",
}
"""Name of the distribution without "chaos-" -> its module."""

SAID = {
    "raises": "was left out: ImportError: no kornia here; see `artkit plugins --check`",
    "exits": "was left out: SystemExit: no GPU; see `artkit plugins --check`",
    "misspelt": "was left out: there is no hook artkit_modles. Did you mean 'artkit_models'?",
    "default": "was left out: artkit_models has a default for 'register' and would always get that default",
    "hangs": "took 2.",
    "old": "was left out: needs artkit <0.0.1 (have 0.1.0); mend that with `pip install --upgrade chaos-old`",
    "prints": "printed 'Thank you for choosing us!' while it was imported, to no effect",
    "seeds": "took ",
    "half": "was left out: RuntimeError: out of ideas",
    "list": "was left out: artkit_models returned list, which is lost",
}
"""How the note on each begins."""

SHARED = {
    "shadows": "has a model 'small-resnet', as artkit 0.1.0 has: write chaos-shadows/small-resnet or artkit/small-resn",
    "hangs": "has a model 'hanging', as chaos-duplicate 0.4 has: write chaos-hangs/hanging or chaos-duplicate/hanging",
}
"""How the list tells of those that share names, with whom."""


@pytest.fixture(scope="module")
def calm(shape_shards, tmp_path_factory):
    """A run without any of them."""
    folder = tmp_path_factory.mktemp("calm") / "run"
    result = CliRunner().invoke(app, ["run", "--data", str(shape_shards), "--out", str(folder), *QUICK])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.slow
def test_twelve_misbehaving_plugins_are_each_told_once_and_change_nothing(plugin_site, shape_shards, tmp_path, calm):
    for number, (name, source) in enumerate(PLUGINS.items()):
        requires = ["artkit<0.0.1"] if name == "old" else []
        # Two share the name of their entry point, too.
        entry_point = "twin" if name in ("duplicate", "hangs") else "main"
        plugin_site.add(
            f"chaos-{name}", "\n    " + source, version=f"0.{number}", entry_point=entry_point, requires=requires
        )
    folder = tmp_path / "run"
    # In a process of its own, where torch is not imported until a plugin does it.
    command = [sys.executable, "-m", "artkit", "run", "--data", shape_shards, "--out", folder, *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    notes = [line.removeprefix("note: ") for line in done.stderr.splitlines() if line.startswith("note: chaos-")]
    labels = {name: f"chaos-{name} 0.{number}" for number, name in enumerate(PLUGINS)}
    assert len(notes) == len(SAID)
    for name, said in SAID.items():
        assert sum(note.startswith(f"{labels[name]} {said}") for note in notes) == 1, (name, notes)
    (seeds,) = [note for note in notes if note.startswith(labels["seeds"])]
    told = "at its top; it changed the random numbers of Python and changed torch's random numbers while it was"
    assert told in seeds
    assert "Thank you" not in done.stdout

    facts = json.loads((folder / "run.json").read_text())
    assert facts["status"] == "ok"
    assert {row["plugin"] for row in facts["plugins"]} >= {"artkit", *(f"chaos-{name}" for name in PLUGINS)}
    for file in ("best_accuracy.safetensors", "steps.csv", "predictions.csv"):
        assert (folder / file).read_bytes() == (calm / file).read_bytes(), file
    assert facts["tested"] == json.loads((calm / "run.json").read_text())["tested"]

    command = [sys.executable, "-m", "artkit", "plugins", "list", "--check"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=200).stdout
    for name, said in SHARED.items():
        assert listed.count(f"\n{labels[name]} {said}") == 1, listed
