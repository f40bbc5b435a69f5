"""What sources keep: records that can be read, the same whenever they are listed, and errors that people understand."""

import io
from typing import Any

from PIL import Image

from artkit.errors import ArtkitError, ComponentError, RecipeError
from artkit.registry.failure import raised_text
from artkit.testing.check import NotApplicable, check, fail, require
from artkit.testing.observing import fixed_generators
from artkit.testing.subject import Subject
from artkit_shards import Record
from artkit_shards.conversion.reading import read_image
from artkit_shards.errors import ShardsError


@check("source", is_basic=True)
def records(subject: Subject) -> None:
    """A source yields artkit_shards.Record, each with a file of its own, all with the same targets in one order."""
    found = subject.share(_records)
    strangers = [type(record).__name__ for record in found if not isinstance(record, Record)]
    require(not strangers, f"it yields {strangers[:1]}")
    require(found, "it yields nothing")
    files = [record.file for record in found]
    twice = [file for file in set(files) if files.count(file) > 1]
    require(not twice, f"it yields {twice[:1]} twice")
    targets = {tuple(record.labels) for record in found}
    require(len(targets) == 1 and next(iter(targets)), f"its records have different targets: {sorted(targets)[:3]}")


@check("source", is_basic=True)
def same_order(subject: Subject) -> None:
    """The same records come in the same order whenever they are listed."""
    with fixed_generators(1):  # other random numbers than those of the first time
        relisted = list(subject.build())
    first, again = (
        [(record.file, dict(record.labels), record.split, record.group) for record in listed]
        for listed in (subject.share(_records), relisted)
    )
    require(sorted(map(str, first)) == sorted(map(str, again)), "listed again, the records are others")
    require(first == again, "listed again, the records come in another order")


@check("source")
def readable(subject: Subject) -> None:
    """The image of a record can be read where the record says it is."""
    for record in subject.share(_records)[:20]:
        try:
            with Image.open(io.BytesIO(read_image(record.image))) as image:
                image.load()
        except (ShardsError, OSError) as error:
            fail(f"the image of {record.file}: {error}")


@check("source")
def missing_root(subject: Subject) -> None:
    """A root that is not there is refused with an error of artkit or artkit_shards that says so."""
    try:
        found = list(subject.build(root=subject.owner.new_folder() / "nowhere"))
    except (ArtkitError, ShardsError) as error:
        # That is what an error of another kind was wrapped in on the way.
        require(not isinstance(error, ComponentError), str(error))
        return
    except Exception as error:
        fail(raised_text(error))
    fail(f"it yields {len(found)} records of a folder that is not there")


@check("source")
def notes_and_rejects(subject: Subject) -> None:
    """Once all records were yielded, notes() gives sentences, and rejects() pairs of a file and a reason."""
    source = subject.build()
    if not hasattr(source, "notes") and not hasattr(source, "rejects"):
        raise NotApplicable("it has neither")
    list(source)
    for note in _told(source, "notes"):
        require(isinstance(note, str), f"notes() gives {note!r}")
    for reject in _told(source, "rejects"):
        is_pair = isinstance(reject, tuple) and len(reject) == 2 and all(isinstance(part, str) for part in reject)
        require(is_pair, f"rejects() gives {reject!r}")


def _records(subject: Subject) -> list[Any]:
    try:
        return list(subject.build())
    except (RecipeError, ShardsError) as error:
        if subject.has_own_root:
            raise
        raise NotApplicable(f"it does not read class folders ({error}); give it others in roots") from None


def _told(source: Any, name: str) -> list[Any]:
    method = getattr(source, name, None)
    return list(method()) if method is not None else []
