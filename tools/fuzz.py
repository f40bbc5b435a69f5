"""Fuzzing the data layer: damaged files must give a clear error, never a traceback, a hang, or a wrong sample.

    python tools/fuzz.py --cases 2000

Each case takes a small data set of real pictures, damages one file of it (`tools/damage.py`), and uses it as people do,
in a child process with limited time and memory. Outcomes:

    refused     an error that says what is wrong
    left out    the damaged images were listed as rejects; all others arrived
    harmless    everything arrived as it should, so the damage hit nothing that matters
    noticed     it could be read, and `artkit dataset verify` finds the fault
    TRACEBACK   an error that is not meant for users
    WRONG       a sample arrived that differs from the original, and nothing said so
    HANG, DIED  no answer within the time, or the process was killed

The last four are defects; the exit code is 1 if there is one, and `--only KIND:NUMBER` repeats a case.
"""

import argparse
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fuzz_kinds import KINDS, Template

TIME_LIMIT_S = 30
MEMORY_LIMIT = 8 << 30
DEFECTS = ("TRACEBACK", "WRONG", "HANG", "DIED")


def run_case(template: Template, kind: str, number: int, workspace: Path) -> tuple[str, str]:
    """Outcome of one case and a line about it, from a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_in_child(template, kind, number, workspace, writer)
    os.close(writer)
    answer = _read_until_closed(reader, time.monotonic() + TIME_LIMIT_S)
    if answer is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(workspace, ignore_errors=True)
    if answer is None:
        return "HANG", f"no answer in {TIME_LIMIT_S} s"
    outcome, _, detail = answer.partition("\n")
    return (outcome, detail) if outcome else ("DIED", f"status {status}")


def _run_in_child(template: Template, kind: str, number: int, workspace: Path, writer: int) -> None:
    """Never returns."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    workspace.mkdir()
    try:
        outcome, detail = KINDS[kind](template, random.Random(f"{kind}/{number}"), workspace)
    except Exception:
        outcome, detail = "TRACEBACK", traceback.format_exc()
    os.write(writer, f"{outcome}\n{detail}"[:60_000].encode(errors="backslashreplace"))
    # A child of a fork must not run what its parent registered to happen at the end.
    os._exit(0)


def _read_until_closed(descriptor: int, deadline: float) -> str | None:
    """All that comes through a pipe; None if it stays open beyond the deadline."""
    parts: list[bytes] = []
    try:
        while True:
            ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return None
            part = os.read(descriptor, 1 << 16)
            if not part:
                return b"".join(parts).decode()
            parts.append(part)
    finally:
        os.close(descriptor)


def fuzz(cases: Sequence[tuple[str, int]]) -> dict[str, Counter[str]]:
    """Run cases, show each defect, and count the outcomes by kind."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        template = Template.make(Path(folder) / "template")
        for kind, number in cases:
            outcome, detail = run_case(template, kind, number, Path(folder) / "case")
            counts[kind][outcome] += 1
            if outcome in DEFECTS or len(cases) == 1:
                print(f"{kind}:{number} {outcome}\n{detail}\n", flush=True)
    return counts


def main() -> None:
    """Run the fuzzer and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1200, help="of all kinds together (%(default)s)")
    parser.add_argument("--only", help="a case, such as manifest:17")
    options = parser.parse_args()
    if options.only:
        kind, _, number = options.only.partition(":")
        cases = [(kind, int(number))]
    else:
        kinds = list(KINDS)
        cases = [(kinds[number % len(kinds)], number // len(kinds)) for number in range(options.cases)]
    counts = fuzz(cases)
    for kind, outcomes in counts.items():
        if outcomes:
            print(f"{kind:10}", ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    total = sum(counts.values(), Counter[str]())
    print(f"{'all':10}", ", ".join(f"{count} {outcome}" for outcome, count in total.most_common()))
    sys.exit(1 if any(total[defect] for defect in DEFECTS) else 0)


if __name__ == "__main__":
    main()
