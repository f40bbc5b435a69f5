"""The run folder: where it is, and the plain files in it that the core itself writes.

recipe.toml     the resolved recipe
run.json        what the run is, and how it ended
artifacts.json  which files reporters left for people to look at
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from artkit.engine.atomic import write_atomically
from artkit.errors import RunError
from artkit.recipe import Recipe, read_recipe_file
from artkit.suggest import suggest
from artkit_shards.errors import is_disk_full

RECIPE = "recipe.toml"
RUN = "run.json"
STATE = Path("last") / "state.safetensors"
LAST_EPOCH = "last_epoch.safetensors"
ARTIFACTS = "artifacts.json"


class RunFolder:
    """One run's folder.

    Args:
        path: Where it is.
        writes: False on all ranks of a run but the first: what is written does not get there then.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path = path
        self.writes = writes

    @classmethod
    def create(cls, out: Path | None, recipe: Recipe) -> "RunFolder":
        """Make the folder of a new run: `out`, or the next free `runs/<date>-<model>-<n>`.

        Raises:
            RunError: if `out` is there already and not empty.
        """
        try:
            if out is None:
                return cls(_claim_next_free(Path("runs").resolve(), recipe.model.component.name))
            return cls._claim_given(out.resolve())
        except OSError as error:
            if is_disk_full(error):
                raise
            raise RunError(
                f"the run folder {error.filename} cannot be made ({error.strerror}); name another with --out"
            ) from None

    @classmethod
    def _claim_given(cls, path: Path) -> "RunFolder":
        folder = cls(path)
        if folder.path.exists() and not folder.path.is_dir():
            raise RunError(f"{folder.path} is a file; --out takes the folder to make for the run")
        if folder.path.exists() and any(folder.path.iterdir()):
            folder._refuse()
        try:
            _claim(folder.path)
        except FileExistsError:
            folder._refuse()
        return folder

    def _refuse(self) -> NoReturn:
        or_resume = f", or continue that run with `artkit run --resume {self.path}`"
        raise RunError(
            f"{self.path} is there already and not empty; name another --out{or_resume if self.state.is_file() else ''}"
        )

    @property
    def state(self) -> Path:
        """The checkpoint to resume from."""
        return self.path / STATE

    def best(self, value: str) -> Path:
        """The weights with the best validation value, such as "accuracy" or "loss"."""
        return self.path / f"best_{value}.safetensors"

    def coming_best(self, value: str) -> Path:
        """Where weights lie until a checkpoint knows that they are the best."""
        return self.state.parent / self.best(value).name

    @property
    def next_command(self) -> str:
        """What the user can do with a run that was cut off: go on with it, or start it again if it kept nothing."""
        if self.state.is_file():
            return f"go on with it: `artkit run --resume {self.path}`"
        return f"start it again: `artkit run {self.path / RECIPE}`"

    @property
    def last_epoch(self) -> Path:
        """The weights of the last epoch, kept where no validation chose others."""
        return self.path / LAST_EPOCH

    @property
    def selected(self) -> Path:
        """The weights that the run's figures are those of; there once its first epoch is over.

        Raises:
            RecipeError: if the folder has no recipe that can be read.
        """
        if self.last_epoch.is_file():
            return self.last_epoch
        return self.best(read_recipe_file(self.path / RECIPE)["train"]["select"])

    def remove_leftovers(self) -> None:
        """Remove what a killed process was writing."""
        if not self.writes:
            return
        for leftover in (*self.path.glob("*.part"), *self.state.parent.glob("*.part")):
            leftover.unlink(missing_ok=True)

    def write_recipe(self, recipe: Recipe) -> None:
        """Write the resolved recipe."""
        self._write(self.path / RECIPE, recipe.to_toml().encode())

    def read_facts(self) -> dict[str, Any]:
        """What run.json holds.

        Raises:
            RunError: if it is missing or damaged.
        """
        if not (self.path / RUN).is_file():
            check_run_folder(self.path)
        try:
            facts = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} is not a run folder: its {RUN} cannot be read ({error})") from None
        if not isinstance(facts, dict) or not {"status", "data", "preprocessing", "recipe", "resumed"} <= facts.keys():
            raise RunError(f"{self.path / RUN} is damaged, it lacks what artkit wrote into it; start the run again")
        if "targets" not in facts["data"]:
            raise RunError(
                f"{self.path} is of an earlier artkit; start a new run with `artkit run {self.path / RECIPE}`"
            )
        return facts

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace run.json."""
        self._write(self.path / RUN, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())

    def write_artifacts(self, published: Mapping[Path, tuple[str, str]]) -> None:
        """Write down which files reporters left for people: paths, each with title and kind, in their order."""
        rows = [
            {"path": path.relative_to(self.path).as_posix(), "title": title, "kind": kind}
            for path, (title, kind) in published.items()
            if path.is_relative_to(self.path)
        ]
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        self._write(self.path / ARTIFACTS, f"[\n{lines}\n]\n".encode())

    def read_artifacts(self) -> dict[Path, tuple[str, str]]:
        """What `write_artifacts` wrote, as far as the files are still there; nothing if that cannot be read."""
        try:
            rows = json.loads((self.path / ARTIFACTS).read_text(encoding="utf-8"))
            published = {self.path / row["path"]: (str(row["title"]), str(row["kind"])) for row in rows}
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        return {path: told for path, told in published.items() if path.is_file()}

    def _write(self, path: Path, data: bytes) -> None:
        if self.writes:
            write_atomically(path, data)


def check_run_folder(path: Path) -> None:
    """Check that a run left a folder.

    Raises:
        RunError: if not, with a run that may be meant: one of a similar name, or the newest one in the folder.
    """
    if (path / RECIPE).is_file():
        return
    if not path.is_dir():
        names = [facts.parent.name for facts in path.parent.glob(f"*/{RUN}")]
        raise RunError(f"there is no folder {path}. {suggest(path.name, names)}".rstrip())
    inside = sorted(path.glob(f"*/{RUN}"), key=lambda facts: facts.stat().st_mtime)
    newest = f", such as {inside[-1].parent}" if inside else ""
    raise RunError(f"{path} is not a run folder (it has no {RECIPE}); give one that `artkit run` left{newest}")


def check_unfinished(facts: Mapping[str, Any], path: Path) -> None:
    """Raise RunError if run.json, of which `facts` are the content, says of a run that nothing is left to be done."""
    if facts["status"] == "ok":
        raise RunError(f"{path} is finished; repeat it with `artkit run {path / RECIPE}`")


def now() -> str:
    """The time, for people and scripts: ISO 8601, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _claim(path: Path) -> None:
    """Make a run folder; FileExistsError if another run, perhaps one started at the same moment, has it."""
    (path / STATE.parent).mkdir(parents=True)


def _claim_next_free(runs: Path, model: str) -> Path:
    day = datetime.now().astimezone().strftime("%Y-%m-%d")
    for number in count(1):
        path = runs / f"{day}-{model}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        _claim(path)
        return path
    raise AssertionError("counting never ends")
