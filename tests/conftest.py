"""Fixtures that several test modules share. Names are distinctive; what each gives is in its docstring."""

import importlib
import inspect
import io
import json
import os
import signal
import struct
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from threading import Thread
from typing import Any

import pytest

# Models of tests are so small that a second thread of torch only waits, and keeps a core busy with waiting. Set before
# torch is imported, and for processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts background jobs without Ctrl-C, and so would be what tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class PluginSite:
    """A folder on `sys.path` into which plugin packages are put as pip would leave them."""

    folder: Path

    def add(
        self,
        dist: str,
        source: str,
        *,
        version: str = "1.0",
        entry_point: str = "main",
        requires: Sequence[str] = (),
        urls: Sequence[str] = (),
        direct_url: dict | None = None,
    ) -> Path:
        """Install a distribution of one module; returns the module's file."""
        module = dist.replace("-", "_")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = ["Metadata-Version: 2.1", f"Name: {dist}", f"Version: {version}"]
        metadata += [f"Requires-Dist: {line}" for line in requires] + [f"Project-URL: {line}" for line in urls]
        (info / "METADATA").write_text("\n".join(metadata) + "\n")
        (info / "entry_points.txt").write_text(f"[artkit]\n{entry_point} = {module}\n")
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url))
        file = self.folder / f"{module}.py"
        file.write_text(dedent(source))
        importlib.invalidate_caches()
        return file


@pytest.fixture
def plugin_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginSite]:
    """An empty place to install plugin packages into; what was imported from it is forgotten afterwards.

    `ARTKIT_PLUGINS` is unset, and PYTHONPATH names the place, so that child processes see the packages too.
    """
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delenv("ARTKIT_PLUGINS", raising=False)
    before = set(sys.modules)
    yield PluginSite(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def shape_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three classes of coloured shapes: 12 training, 6 validation and 6 test images. Do not change it."""
    from artkit.testing import tiny_dataset

    return tiny_dataset(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def uneven_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEG photographs of noise in classes of 23, 9 and 4 training images, of odd sizes. Do not change it."""
    import numpy as np
    from PIL import Image

    from artkit_shards import ClassFolders, Settings, convert

    folder = tmp_path_factory.mktemp("uneven")
    generator = np.random.default_rng(0)
    for name, count in (("many", 27), ("some", 11), ("few", 6)):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(count):
            height, width = generator.integers(20, 90, 2)
            coarse = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC)
            picture.save(folder / "images" / name / f"{number:03d}.jpg", quality=90)
    fractions = {"train": 0.84, "val": 0.08, "test": 0.08}
    convert(ClassFolders(folder / "images"), folder / "shards", Settings(fractions=fractions), workers=1)
    return folder / "shards"


@pytest.fixture(scope="session")
def two_target_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that tells artist (A, B, C) and style (flat, line) of noise, with gaps in both. Do not change it.

    Of 21 training images 3 lack the artist, 7 the style, one of them both; of 6 for validation and 9 for the test,
    2 and 3 lack the style. The top of an image shows the artist, its bottom the style.
    """
    import numpy as np
    from PIL import Image

    from artkit_shards import Record, Settings, convert

    generator = np.random.default_rng(0)
    records = []
    for split, count in {"train": 21, "val": 6, "test": 9}.items():
        for number in range(count):
            artist, style = "AABC"[number % 4] if split == "train" else "ABC"[number % 3], ("flat", "line")[number % 2]
            pixels = generator.integers(0, 100, (16, 16, 3), dtype=np.uint8)
            pixels[:8, :, "ABC".index(artist)] += 150
            pixels[8:] += 150 * np.uint8(style == "line")
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            lacks_artist, lacks_style = split == "train" and number % 7 == 6, number % 3 == 2
            labels = {"artist": None if lacks_artist else artist, "style": None if lacks_style else style}
            records.append(Record(file.getvalue(), f"{split}/{number:02d}.png", labels, split))
    folder = tmp_path_factory.mktemp("two-targets") / "shards"
    convert(records, folder, Settings(duplicates="keep"), workers=1)
    return folder


def _quick_run(data: Path, folder: Path, *arguments: str) -> Path:
    """A run of two epochs on 16 pixels a side that judges mirror images too, in float32; it has few reporters."""
    from typer.testing import CliRunner

    from artkit.cli import app

    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'[data]\npath = "{data}"\nimage_size = 16\nthreads = 2\n'
        '[train]\nepochs = 2\nbatch_size = 4\nprecision = "float32"\ntta = true\ndevice = "cpu"\n'
        '[model]\nname = "small-resnet"\nwidth = 8\n[[reporter]]\nname = "metrics"\n'
    )
    result = CliRunner().invoke(app, ["run", str(recipe), "--out", str(folder / "run"), *arguments])
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture(scope="session")
def uneven_run(uneven_shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on `uneven_shards`, with mirror images, in float32. Do not change it."""
    return _quick_run(uneven_shards, tmp_path_factory.mktemp("uneven-run"))


@pytest.fixture(scope="session")
def two_target_run(two_target_shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on `two_target_shards` that learnt artist and style, like `uneven_run`. Do not change it."""
    both = ("--target", "artist", "--target", "style")
    return _quick_run(two_target_shards, tmp_path_factory.mktemp("two-target-run"), *both)


def _hue(number: int, generator: Any) -> Any:
    """A picture of coarse noise in a colour of its own."""
    import numpy as np
    from PIL import Image

    coarse = generator.integers(0, 120, (5, 6, 3), dtype=np.uint8)
    coarse[..., number % 3] += 120
    return Image.fromarray(coarse).resize((24, 20), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def held_out_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of "blue", "green" and "red" noise: 21 training, 9 validation and 9 test images; and 6 images of the
    class "grey" and 4 of "white", which were held out, in the split "unknown". Do not change it.
    """
    import numpy as np

    from artkit_shards import ClassFolders, Settings, convert

    folder = tmp_path_factory.mktemp("held-out")
    generator = np.random.default_rng(0)
    counts = {"red": 13, "green": 13, "blue": 13, "grey": 6, "white": 4}
    for number, (name, count) in enumerate(counts.items()):
        (folder / "images" / name).mkdir(parents=True)
        for index in range(count):
            _hue(number, generator).save(folder / "images" / name / f"{index:02d}.png")
    fractions = {"train": 0.54, "val": 0.23, "test": 0.23}
    settings = Settings(fractions=fractions, hold_out=("grey", "white"), duplicates="keep")
    convert(ClassFolders(folder / "images"), folder / "shards", settings, workers=1)
    return folder / "shards"


class ReporterStage:
    """Sends run events to reporters as a run does, in their order, without training anything.

    Attributes:
        folder: The run folder.
        published: What reporters published so far: path within the folder, title, kind.
        notes: What they noted so far.
    """

    def __init__(self, folder: Path) -> None:
        from artkit import ReporterContext

        self.folder = folder
        self.published: list[tuple[str, str, str]] = []
        self.notes: list[str] = []
        self.context = ReporterContext(run_dir=folder, publish=self._publish, note=self.notes.append)
        self.reporters: list[Any] = []
        self.run: Any = None

    def add(self, *reporters: Any) -> None:
        self.reporters += reporters

    def start(self, class_names: Sequence[str], **changes: Any) -> None:
        """Begin a run; `changes` replace fields of its RunInfo."""
        from artkit import RunInfo

        facts = {
            "id": "2026-01-31-vit-1",
            "dir": self.folder,
            "recipe": {"train": {"epochs": 3}, "model": {"name": "vit"}},
            "components": {"model": "artkit/vit@1 (artkit 0.1.0)", "loss": "artkit-focal/focal@2 (artkit-focal 0.3.1)"},
            "targets": {"artist": class_names},
            "class_names": class_names,
            "train_counts": [10 * (k + 1) for k in range(len(class_names))],
            "split_sizes": {"train": 120, "val": 30, "test": 40},
            "num_parameters": 1234567,
            "num_epochs": 3,
            "select": "accuracy",
        }
        self.run = RunInfo(**{**facts, **changes})
        self.send("artkit_run_start")

    def epoch(self, epoch: int, **values: float) -> dict[str, float]:
        """End an epoch; returns its values, of which `values` replaces some."""
        usual = {
            "epoch": float(epoch),
            "train_loss": 1 / (epoch + 1),
            "train_accuracy": 0.3 + 0.1 * epoch,
            "learning_rate": 0.1,
            "images_per_s": 1000.0,
            "seconds": 12.0,
            "val_loss": 1.5 / (epoch + 1),
            "val_accuracy": 0.2 + 0.1 * epoch,
            "val_macro_recall": 0.1 + 0.1 * epoch,
        }
        self.send("artkit_epoch_end", epoch=epoch, values={**usual, **values})
        return {**usual, **values}

    def send(self, event: str, **arguments: Any) -> None:
        given = {"run": self.run, **arguments}
        for reporter in self.reporters:
            method = getattr(reporter, event, None)
            if method is not None:
                method(**{name: given[name] for name in inspect.signature(method).parameters})

    def end(self, status: str = "ok", error: Any = None) -> None:
        self.send("artkit_run_end", status=status, error=error)

    def _publish(self, path: Path, *, title: str, kind: str) -> None:
        self.published.append((path.relative_to(self.folder).as_posix(), title, kind))
        self.send("artkit_artifact", path=path, title=title, kind=kind)


@pytest.fixture
def reporter_stage(tmp_path: Path) -> ReporterStage:
    """A run folder, and a way to send run events to reporters that write into it."""
    folder = tmp_path / "run"
    folder.mkdir()
    return ReporterStage(folder)


@pytest.fixture
def predictions_from() -> Any:
    """A function that makes Predictions of a confusion matrix.

    The probability of each answer falls from row to row, from 0.9 on. The picture of row r is plain (r, 77, 200).
    """
    import numpy as np

    from artkit import Predictions

    def make(confusion: Any, names: Sequence[str] | None = None, **changes: Any) -> Predictions:
        confusion = np.asarray(confusion)
        num_classes = len(confusion)
        names = names or [f"class {k}" for k in range(num_classes)]
        cells = [cell for cell in np.argwhere(confusion > 0) for _ in range(confusion[tuple(cell)])]
        labels, predicted = (np.array(column, dtype=np.int64) for column in zip(*cells, strict=True))
        answer = np.linspace(0.9, 0.6, len(labels))
        probabilities = np.repeat((1 - answer)[:, None] / max(num_classes - 1, 1), num_classes, axis=1)
        probabilities[np.arange(len(labels)), predicted] = answer
        facts = {
            "target": "artist",
            "split": "test",
            "class_names": names,
            "train_counts": [10 * (k + 1) for k in range(num_classes)],
            "keys": [f"{row:09d}" for row in range(len(labels))],
            "files": [f"{names[label]}/{row:03d}.jpg" for row, label in enumerate(labels)],
            "labels": labels,
            "probabilities": probabilities,
            "metrics": {"accuracy": 0.5, "macro_recall": 0.4, "macro_f1": 0.3, "loss": 1.25},
            "image": lambda row, size: np.full((size, size, 3), (row, 77, 200), dtype=np.uint8),
        }
        return Predictions(**{**facts, **changes})

    return make


class _QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class UnreliableServer:
    """Serves a folder over HTTP on this machine, and misbehaves when it is told to.

    Attributes:
        folder: What it serves.
        address: Where, without a slash at the end.
        requests: What was asked for so far: path, Range header or "", Authorization header or "".
        faults: By path, how the next requests for it go wrong, one after another: a status number; ("cut", n) to send n
            bytes and close the connection; ("bytes", data) to send other data; ("slow", seconds) to wait before each
            kilobyte; ("claims", n) to say that the file has n bytes where a part of it was asked for;
            ("moved", address) to redirect; "wrong range" to send from another byte than was asked for; "no length" to
            send without saying how much.
        faults_forever: Likewise by path, for every request.
        knows_ranges: Whether it looks at Range headers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[tuple[str, str, str]] = []
        self.faults: dict[str, list[Any]] = {}
        self.faults_forever: dict[str, Any] = {}
        self.knows_ranges = True
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.address = f"http://{self.host}"

    def asked_for(self, name: str) -> list[str]:
        """Range headers of the requests for a file, "" where there was none."""
        return [ranges for path, ranges, _ in self.requests if path.endswith(f"/{name}")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                given = self.headers.get("Range", "")
                server.requests.append((path, given, self.headers.get("Authorization", "")))
                queue = server.faults.get(path)
                fault = queue.pop(0) if queue else server.faults_forever.get(path)
                try:
                    server._answer(self, path, given, fault)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        return Handler

    def _answer(self, handler: BaseHTTPRequestHandler, path: str, given: str, fault: Any) -> None:
        if isinstance(fault, int):
            self._send(handler, fault, b"<html>error page</html>", {})
            return
        if isinstance(fault, tuple) and fault[0] == "moved":
            self._send(handler, 302, b"", {"Location": fault[1]})
            return
        file = self.folder / path.lstrip("/")
        if isinstance(fault, tuple) and fault[0] == "bytes":
            data = fault[1]
        elif file.is_dir():
            names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in sorted(file.iterdir())]
            links = "".join(f'<a href="{name}">{name}</a>' for name in names)
            self._send(handler, 200, f"<html>{links}</html>".encode(), {"Content-Type": "text/html"})
            return
        elif not file.is_file():
            self._send(handler, 404, b"not here", {})
            return
        else:
            data = file.read_bytes()
        self._send_data(handler, data, given if self.knows_ranges else "", fault)

    def _send_data(self, handler: BaseHTTPRequestHandler, data: bytes, given: str, fault: Any) -> None:
        import time

        status, headers, body = 200, {}, data
        if given:
            first, _, last = given.removeprefix("bytes=").partition("-")
            start = int(first) + (1 if fault == "wrong range" else 0)
            if start >= len(data):
                self._send(handler, 416, b"", {})
                return
            body = data[start : int(last) + 1 if last else None]
            total = fault[1] if isinstance(fault, tuple) and fault[0] == "claims" else len(data)
            status, headers = 206, {"Content-Range": f"bytes {start}-{start + len(body) - 1}/{total}"}
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if fault == "no length":
            handler.send_header("Connection", "close")
        else:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        kind, amount = fault if isinstance(fault, tuple) else ("", 0)
        if kind == "cut":
            handler.wfile.write(body[:amount])
            handler.wfile.flush()
            time.sleep(0.1)  # clients may drop what they have not looked at when the connection closes
            handler.close_connection = True
            return
        for first_byte in range(0, len(body), 1024):
            if kind == "slow":
                time.sleep(amount)
            handler.wfile.write(body[first_byte : first_byte + 1024])
        if fault == "no length":
            handler.close_connection = True

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def unreliable_server(tmp_path: Path) -> Iterator[UnreliableServer]:
    """A web server on this machine that serves the empty folder `tmp_path / "served"` and misbehaves on demand."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = UnreliableServer(folder)
    yield server
    server.close()


class ForeignTars:
    """Makes tars as other programs write them, in a folder.

    Attributes:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, members: Any, *, tar_format: int = tarfile.USTAR_FORMAT) -> Path:
        """Write a tar of members: name and content, bytes or text, in order."""
        path = self.folder / name
        with tarfile.open(path, "w", format=tar_format) as tar:
            for member, content in members.items() if isinstance(members, dict) else members:
                data = content if isinstance(content, bytes) else content.encode()
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    @staticmethod
    def image(number: int, kind: str = "PNG", size: tuple[int, int] = (24, 16)) -> bytes:
        """The bytes of a small image, another one for each number."""
        from PIL import Image

        file = io.BytesIO()
        colour = (number % 256, (37 * number) % 256, 255 - number % 256)
        Image.new("RGB", size, colour).save(file, kind)
        return file.getvalue()

    def samples(self, numbers: Any, *, suffix: str = "png", kind: str = "PNG", **members: Any) -> dict[str, Any]:
        """Members of samples 000, 001, ...: an image each, and what each function of `members` gives of its number."""
        found: dict[str, Any] = {}
        for number in numbers:
            found[f"{number:03d}.{suffix}"] = self.image(number, kind)
            found |= {f"{number:03d}.{ending}": str(make(number)) for ending, make in members.items()}
        return found


@pytest.fixture
def foreign_tars(tmp_path: Path) -> ForeignTars:
    """A folder for tars as other programs write them, and a way to write them."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    return ForeignTars(folder)


class TrainingBench:
    """Trains small models on twelve images in this process, and stops wherever a test wants.

    Attributes:
        folder: New run folders are made in it.
    """

    def __init__(self, folder: Path, shards: Path) -> None:
        self.folder = folder
        self._shards = shards
        self._made = 0

    def recipe(self, *assignments: str, plugin: str | None = None, **choices: Any) -> Any:
        """A resolved recipe: 12 images of 16 pixels in batches of 5, two epochs, no reporters that draw."""
        from artkit.recipe import CommandLine, resolve_recipe
        from artkit.registry import load_registry

        files = []
        if plugin is not None:
            files = [self.folder / "mine.py"]
            files[0].write_text("from artkit import hookimpl\n" + dedent(plugin))
        small = () if "model" in choices else ("model.width=8",)
        command_line = CommandLine(
            choices=choices,
            reporters=["none", "metrics", "predictions"],
            settings={"data.path": str(self._shards), "data.image_size": 16, "train.batch_size": 5, "train.epochs": 2},
            assignments=[*small, "data.threads=1", "train.precision=float32", *assignments],
        )
        return resolve_recipe({}, command_line, load_registry(files))

    def run_folder(self) -> Any:
        """A new run folder."""
        from artkit.engine.folder import RunFolder

        self._made += 1
        run = RunFolder(self.folder / f"bench-{self._made}")
        run.state.parent.mkdir(parents=True)
        return run

    def train(self, recipe: Any, folder: Any = None, *, stop_at: int | None = None, resumed: bool = False) -> Any:
        """Train until the question whether to stop is put the `stop_at`-th time.

        Returns:
            The trainer, with `logged`, the values of each step; `told`, what the user was told; and `stopped`.
        """
        from itertools import count

        from artkit.engine.assembly import assemble, open_data
        from artkit.engine.events import Reporters
        from artkit.engine.trainer import StopRequested, Trainer

        told: list[str] = []
        logged: list[dict[str, float]] = []
        asked = count(1)
        reporters = Reporters(told.append)
        reporters.log = lambda step, epoch, values: logged.append({"step": step, "epoch": epoch, **values})
        trainer = Trainer(
            assemble(recipe, open_data(recipe)),
            folder or self.run_folder(),
            reporters,
            lambda: next(asked) == stop_at,
        )
        trainer.logged, trainer.told, trainer.stopped = logged, told, False
        if resumed:
            trainer.load()
        try:
            trainer.train()
        except StopRequested:
            trainer.stopped = True
        return trainer

    def stops_and_resumptions_are_not_seen(self, recipe: Any, *, stops: Sequence[int]) -> bool:
        """Whether runs that are stopped at these questions, and resumed, take the steps of one that is not."""
        import torch

        whole = self.train(recipe)
        weights = whole.weights()["model"]
        for stop_at in stops:
            folder = self.run_folder()
            before = self.train(recipe, folder, stop_at=stop_at)
            assert before.stopped, f"the run was over before question {stop_at}"
            after = self.train(recipe, folder, resumed=True)
            same = all(torch.equal(value, weights[name]) for name, value in after.weights()["model"].items())
            if before.logged + after.logged != whole.logged or not same:
                return False
        return True


@pytest.fixture
def training_bench(tmp_path: Path, shape_shards: Path) -> TrainingBench:
    """Small training runs in this process."""
    return TrainingBench(tmp_path, shape_shards)


@pytest.fixture
def exit_code_of_fork() -> Any:
    """A function that calls another one in a forked process, and returns the number, 0 to 200, that it returned."""
    import warnings

    def run(work: Any) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads
            child = os.fork()
        if child == 0:
            code = 255
            try:
                code = work()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return run


@pytest.fixture(scope="session")
def tiff_of_one_tile() -> Callable[[int], bytes]:
    """Makes a TIFF of one red pixel, in a tile of as many pixels a side as are asked for, a multiple of 16."""

    def make(side: int) -> bytes:
        tile = zlib.compress(b"\xff\0\0" * side * side)
        tags = {256: 1, 257: 1, 258: 8, 259: 8, 262: 2, 277: 3, 284: 1, 322: side, 323: side, 324: 146, 325: len(tile)}
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + tile

    return make
