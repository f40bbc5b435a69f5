"""The kinds of cases of `tools/fuzz.py`: what is damaged, how it is used, and what must still be true."""

import io
import json
import random
import shutil
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from artkit_shards import (
    ClassFolders,
    ConvertError,
    DatasetError,
    ImageError,
    LabelTable,
    SampleError,
    Settings,
    TarSamples,
    convert,
    demo_path,
    fit_image,
    index_tars,
    open_dataset,
    verify_dataset,
)
from damage import ANY_FILE, damage_json, damage_table

Outcome = tuple[str, str]
Case = Callable[["Template", random.Random, Path], Outcome]

_FORMATS: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF", "tiff": "TIFF"}


@dataclass(frozen=True)
class Template:
    """Whole data that cases copy and damage."""

    images: Path
    """Class folders: the same pictures in all formats."""
    shards: Path
    """A data set converted from JPEG pictures."""
    samples: dict[str, tuple[str, bytes]]
    """Of `shards`: class and bytes of each image by file."""
    table: bytes
    """Classes of `photographs`: file name, class, and a second target with gaps."""

    @property
    def photographs(self) -> Path:
        """Pictures from which `shards` were made."""
        return self.images.with_name("photographs")

    @classmethod
    def make(cls, folder: Path) -> "Template":
        """Take pictures from the bundled art and convert them."""
        images, photographs = folder / "images", folder / "photographs"
        split = open_dataset(demo_path()).split("test")
        for row in range(18):
            picture = Image.open(io.BytesIO(split.read(row))).convert("RGB").resize((120 + row, 90))
            for ending, name in _FORMATS.items():
                _save(picture, images / "abc"[row % 3] / f"{row}-{ending}.{ending}", name)
            _save(picture, photographs / "abc"[row % 3] / f"{row}.jpg", "JPEG")
        convert(ClassFolders(photographs), folder / "shards", Settings(shard_bytes=20_000), workers=1)
        rows = [
            f"{path.name},{path.parent.name},{'xy '[len(path.stem)]}" for path in sorted(photographs.rglob("*.jpg"))
        ]
        table = "\n".join(["file,artist,style", *rows]).encode()
        return cls(images, folder / "shards", samples_of(folder / "shards"), table)


def _save(picture: Image.Image, path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, name)


def samples_of(directory: Path) -> dict[str, tuple[str, bytes]]:
    """Class and bytes of each image of a data set, by file; each one is decoded as well."""
    dataset = open_dataset(directory)
    found = {}
    for split in map(dataset.split, dataset.split_names):
        for row, file in enumerate(split.files):
            data = split.read(row)
            fit_image(data, 32)
            label = int(split.labels[row])
            found[file] = (dataset.class_names[label] if label >= 0 else "", data)
    return found


def image_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """A folder with damaged images is converted: those that are whole must all arrive, with their class."""
    images = workspace / "images"
    shutil.copytree(template.images, images)
    files = sorted(path for path in images.rglob("*.*"))
    damaged = rng.sample(files, 3)
    for path in damaged:
        path.write_bytes(rng.choice(ANY_FILE)(path.read_bytes(), rng))
    settings = Settings(max_rejects=1, min_count=1, image_format=rng.choice(("auto", "jpg", "png", "webp")))
    report = convert(ClassFolders(images), workspace / "shards", settings, workers=1)
    arrived = samples_of(workspace / "shards")
    names = {path.relative_to(images).as_posix() for path in damaged}
    for path in files:
        file = path.relative_to(images).as_posix()
        if file not in arrived and file not in names:
            return "WRONG", f"{file} is whole and did not arrive"
        if file in arrived and arrived[file][0] != path.parent.name:
            return "WRONG", f"{file} arrived as {arrived[file][0]}"
        is_kept = file in arrived and file not in names and path.suffix == f".{report.image_suffix}"
        if is_kept and arrived[file][1] != path.read_bytes():
            return "WRONG", f"{file} arrived with other bytes"
    return ("left out", str(dict(report.rejects))) if report.rejects else ("harmless", "")


def manifest_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """The manifest of a data set is damaged: as text, or in one of its values."""
    damage = damage_json if rng.random() < 0.7 else rng.choice(ANY_FILE)
    return use_damaged(template, workspace, rng, [Path(".artkit/manifest.json")], (damage,))


def index_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """A column of the index is damaged."""
    files = [path.relative_to(template.shards) for path in (template.shards / ".artkit/index").rglob("*.*")]
    return use_damaged(template, workspace, rng, sorted(files), ANY_FILE)


def shard_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """A shard is damaged, or replaced by another one."""
    files = sorted(path.relative_to(template.shards) for path in template.shards.glob("*.tar"))
    other = (template.shards / rng.choice(files)).read_bytes()
    damages = (*ANY_FILE, *ANY_FILE, lambda _data, _rng: other)
    return use_damaged(template, workspace, rng, files, damages)


def tar_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """A tar of someone else is damaged, then indexed or converted."""
    tars = workspace / "tars"
    tars.mkdir()
    for path in template.shards.glob("*.tar"):
        shutil.copy(path, tars)
    (tars / "classes.txt").write_text("a\nb\nc\n")
    file = rng.choice(sorted(tars.glob("*.tar")))
    file.write_bytes(rng.choice(ANY_FILE)(file.read_bytes(), rng))
    try:
        if rng.random() < 0.5:
            report = index_tars(tars, skip_bad=rng.random() < 0.5, max_rejects=1, threads=1)
            directory, rejects = tars, dict(report.rejects)
        else:
            directory = workspace / "shards"
            rejects = dict(
                convert(TarSamples(tars), directory, Settings(max_rejects=1, min_count=1), workers=1).rejects
            )
    except (ConvertError, DatasetError) as error:
        return "refused", str(error)
    whole = {(label, data) for label, data in template.samples.values()}
    arrived = set(samples_of(directory).values())
    lost, new = whole - arrived, arrived - whole
    if any((label, data) in whole for label in "abc" for _, data in new):
        return "WRONG", "a whole image arrived with another class"
    if lost.intersection(_seen_by_tarfile(tars)) and not rejects:
        return "WRONG", f"{len(lost)} samples are missing and nothing says so"
    if lost and not rejects:
        return "harmless", "what is gone leaves no trace in a tar"
    return ("left out", str(rejects)) if rejects else ("harmless", "")


def _seen_by_tarfile(folder: Path) -> set[tuple[str, bytes]]:
    """Class and bytes of the images that the standard library finds in tars."""
    found = set()
    for path in folder.glob("*.tar"):
        with suppress(tarfile.TarError), tarfile.open(path) as tar:
            members = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
            contents = {name: file.read() for name, file in members.items() if file is not None}
            for name, data in contents.items():
                label = contents.get(name.replace(".jpg", ".cls"), b"")
                if name.endswith(".jpg") and label in (b"0", b"1", b"2"):
                    found.add(("abc"[int(label)], data))
    return found


def table_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """The table of classes is damaged; what it still says must be done, and nothing else."""
    table = workspace / "table.csv"
    damage = damage_table if rng.random() < 0.7 else rng.choice(ANY_FILE)
    table.write_bytes(damage(template.table, rng))
    settings = Settings(max_rejects=1, min_count=1)
    try:
        source = LabelTable(template.photographs, table, image_column="file", label_columns=["artist", "style"])
        records, rejects = list(source), list(source.rejects())
        report = convert(records, workspace / "shards", settings, workers=1, rejects=rejects)
    except ConvertError as error:
        return "refused", str(error)
    said = {name: artist for name, artist, *_ in ([*line.split(","), "", ""] for line in _lines(table))}
    for file, (label, data) in samples_of(workspace / "shards").items():
        if data != (template.photographs / file).read_bytes():
            return "WRONG", f"{file} arrived with other bytes"
        given = said.get(Path(file).name, label)
        if label not in given or (given.strip() and not label):
            return "WRONG", f"{file} arrived as {label!r}, the table says {given!r}"
    return ("left out", str(dict(report.rejects))) if report.rejects else ("harmless", "")


def _lines(table: Path) -> list[str]:
    return table.read_bytes().decode("utf-8", "replace").splitlines()


def use_damaged(
    template: Template,
    workspace: Path,
    rng: random.Random,
    files: list[Path],
    damages: Iterable[Callable[[bytes, random.Random], bytes]],
) -> Outcome:
    """Damage one file of a data set, then read all of it."""
    directory = workspace / "shards"
    shutil.copytree(template.shards, directory)
    file = directory / rng.choice(files)
    damaged = rng.choice(tuple(damages))(file.read_bytes(), rng)
    if damaged == file.read_bytes():
        return "harmless", "nothing changed"
    file.write_bytes(damaged)
    try:
        arrived = samples_of(directory)
    except (DatasetError, ImageError, SampleError) as error:
        return "refused", str(error)
    if arrived == template.samples:
        return "harmless", file.name
    changed = [name for name in {**arrived, **template.samples} if arrived.get(name) != template.samples.get(name)]
    return "WRONG", f"{file.name}: {json.dumps(changed)}"


def verify_case(template: Template, rng: random.Random, workspace: Path) -> Outcome:
    """Anything in a data set is damaged; checking it must name the fault."""
    directory = workspace / "shards"
    shutil.copytree(template.shards, directory)
    files = sorted(path for path in directory.rglob("*") if path.suffix in (".tar", ".npy", ".json"))
    file = rng.choice(files)
    whole = file.read_bytes()
    file.write_bytes(rng.choice(ANY_FILE)(whole, rng))
    if file.read_bytes() == whole:
        return "harmless", "nothing changed"
    report = verify_dataset(directory)
    if not report.is_good:
        return "noticed", str(report.faults[0])
    if file.suffix == ".npy" and np.array_equal(np.load(io.BytesIO(whole)), np.load(file)):
        return "harmless", "between the columns of the header"
    if file.suffix == ".json":
        return "harmless", "in what the manifest says of the conversion"
    return "WRONG", f"{file.name} differs and was found good"


KINDS: Final[dict[str, Case]] = {
    "image": image_case,
    "manifest": manifest_case,
    "index": index_case,
    "shard": shard_case,
    "tar": tar_case,
    "table": table_case,
    "verify": verify_case,
}
