"""Damaging files on purpose: what disks, networks, editors and attackers do to bytes, drawn from a seed."""

import json
import random
import struct
from collections.abc import Callable
from typing import Any, Final

Damage = Callable[[bytes, random.Random], bytes]


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Cut off the end, as a full disk or a broken transfer does."""
    return data[: rng.randrange(len(data))]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """Flip one to eight bits."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def overwrite(data: bytes, rng: random.Random) -> bytes:
    """Fill a range with zeros, ones or noise, as a bad sector reads."""
    start, stop = _range(data, rng)
    fill = rng.choice((bytes(stop - start), b"\xff" * (stop - start), rng.randbytes(stop - start)))
    return data[:start] + fill + data[stop:]


def delete(data: bytes, rng: random.Random) -> bytes:
    """Leave out a range."""
    start, stop = _range(data, rng)
    return data[:start] + data[stop:]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """Write a range twice, as a resumed transfer may."""
    start, stop = _range(data, rng)
    return data[:stop] + data[start:]


def insert_noise(data: bytes, rng: random.Random) -> bytes:
    """Put noise somewhere."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.randint(1, 600)) + data[at:]


def swap_blocks(data: bytes, rng: random.Random) -> bytes:
    """Exchange two blocks of 512 bytes."""
    blocks = [data[start : start + 512] for start in range(0, len(data), 512)]
    one, other = rng.randrange(len(blocks)), rng.randrange(len(blocks))
    blocks[one], blocks[other] = blocks[other], blocks[one]
    return b"".join(blocks)


def write_extreme_number(data: bytes, rng: random.Random) -> bytes:
    """Overwrite four or eight bytes with a number that breaks careless arithmetic."""
    number = rng.choice((0, 1, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, -(2**63)))
    packed = struct.pack("<q", number)[: rng.choice((4, 8))]
    if rng.random() < 0.5:
        packed = packed[::-1]
    at = rng.randrange(len(data))
    return (data[:at] + packed + data[at + len(packed) :])[: len(data)]


def empty(_data: bytes, _rng: random.Random) -> bytes:
    """Nothing at all."""
    return b""


def replace_by_noise(_data: bytes, rng: random.Random) -> bytes:
    """Something else entirely."""
    return rng.randbytes(rng.randint(1, 5000))


ANY_FILE: Final[tuple[Damage, ...]] = (
    truncate,
    flip_bits,
    overwrite,
    delete,
    repeat,
    insert_noise,
    swap_blocks,
    write_extreme_number,
    empty,
    replace_by_noise,
)

_EXTREME_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**63,
    1e308,
    float("nan"),
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "a\0b.tar",
    "pipe:touch /tmp/never",
    "https://example.invalid/a.tar",
    "\ud800",
    [],
    {},
    [[[[]]]],
)


def damage_json(data: bytes, rng: random.Random) -> bytes:
    """Keep the file JSON, but replace, remove or copy one of its values."""
    content = json.loads(data)
    places = list(_places(content))
    holder, key = rng.choice(places)
    action = rng.randrange(3)
    if action == 0:
        holder[key] = rng.choice(_EXTREME_VALUES)
    elif action == 1:
        del holder[key]
    else:
        other_holder, other_key = rng.choice(places)
        holder[key] = json.loads(json.dumps(other_holder[other_key]))
    return json.dumps(content).encode()


def damage_table(data: bytes, rng: random.Random) -> bytes:
    """Break a table of comma-separated values where people and spreadsheets break it."""
    lines = data.split(b"\n")
    row = rng.randrange(len(lines))
    cells = lines[row].split(b",")
    cell = rng.randrange(len(cells))
    action = rng.randrange(6)
    if action == 0:
        cells[cell] = b'"' + cells[cell]
    elif action == 1:
        cells.insert(cell, rng.choice((b"", b"nan", b"../../etc/passwd", b"/etc/passwd", b"\xff\xfe", b"a\0b")))
    elif action == 2:
        cells[cell] = rng.choice((b"", b"  ", b"nan", b"..", b"/", b"\xe9", b"x" * 200_000, b"\0", "\u202e".encode()))
    elif action == 3:
        del cells[cell]
    elif action == 4:
        return data.replace(b",", rng.choice((b";", b"\t", b"|")))
    else:
        return data.decode().encode(rng.choice(("utf-16", "utf-8-sig", "utf-32")))
    lines[row] = b",".join(cells)
    return b"\n".join(lines)


def _range(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.choice((1, 7, 100, 512, 5000)))


def _places(content: Any) -> "list[tuple[Any, Any]]":
    """Every (container, key) of nested JSON."""
    found: list[tuple[Any, Any]] = []
    stack = [content]
    while stack:
        holder = stack.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                stack.append(holder[key])
    return found
