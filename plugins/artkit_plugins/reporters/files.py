"""How reporters write: tables as plain CSV, class names as file names.

Tables are UTF-8 with quotes only where CSV needs them. Names stand in them exactly as they are, also those
that begin with `=`, `+`, `-` or `@`: tables are for programs and joins first, and a changed name would match nothing.
Whoever opens them in a spreadsheet should import such columns as text.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from artkit.drawing.files import write_whole

MAX_STEM_BYTES = 120
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
"""Names that no file may have on Windows."""


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV. Floats keep every digit."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file whole."""
    write_whole(path, csv_text(header, rows))


def file_stems(names: Sequence[str]) -> list[str]:
    """Turn names into file names without ending: readable, legal on every system, and all different.

    Letters and digits of any script stay; everything else but space, `.`, `_` and `-` becomes `_`. Names that would
    differ in case only, or no longer differ at all, get a number.
    """
    stems: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = _legal(name)
        stem, number = plain, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{plain}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _legal(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in " ._-" else "_" for c in unicodedata.normalize("NFC", name))
    short = kept.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .")
    if not short or RESERVED.match(short):
        return f"class {short}".rstrip()
    return short
