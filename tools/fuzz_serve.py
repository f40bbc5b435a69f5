"""Hostile uploads for `artkit serve`: each must be answered by an answer or one sentence, in bounded time and memory.

    python tools/fuzz_serve.py --cases 300

Images that are none (`tools/hostile.py`), requests that are none, names and addresses that lead out, and slow senders
are sent to a real server, several at a time; some good images lie between. Prints what became of each kind. The exit
code is 1 if a good image got no answer, a bad one something else than a sentence, the server fell, or took too much
memory.
"""

import argparse
import http.client
import io
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Final

from PIL import Image

from fuzz_predict import GOOD, train
from hostile import HOSTILE, bomb

TIME_LIMIT_S: Final = 60
MEMORY_LIMIT: Final = 3 << 30
"""Peak of the server, torch included."""
_AT_ONCE: Final = 4
_TRIES: Final = 200

Request = tuple[str, str, bytes, dict[str, str]]
"""Method, address, body, headers."""


def _good(rng: random.Random) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((rng.randrange(20, 200), 90), 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def _raw(make: Callable[[random.Random], bytes]) -> Callable[[random.Random], Request]:
    return lambda rng: ("POST", "/predict", make(rng), {})


def _form(rng: random.Random) -> Request:
    name = rng.choice(("../../etc/passwd", "a\\..\\b.png", "x" * 5000, "%00.jpg"))
    head = f'--b\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
    body = head.encode() + rng.choice((_good(rng), bomb(rng), b"")) + rng.choice((b"\r\n--b--\r\n", b"\r\n--b", b""))
    return "POST", "/predict", body, {"Content-Type": "multipart/form-data; boundary=b"}


def _many_parts(rng: random.Random) -> Request:
    part = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n'
    return "POST", "/predict", part * rng.choice((2, 50_000)), {"Content-Type": "multipart/form-data; boundary=b"}


def _oversized(rng: random.Random) -> Request:
    return "POST", "/predict", bytes(rng.choice((20_000_001, 60_000_000))), {}


def _address(rng: random.Random) -> Request:
    address = rng.choice(
        ("/../../etc/passwd", "/thumbnails/-1", "/thumbnails/..%2f..%2f", "/thumbnails/" + "9" * 5000, "/%00", "//x")
    )
    return rng.choice(("GET", "POST", "DELETE")), address, b"", {}


def _odd_headers(rng: random.Random) -> Request:
    headers = rng.choice(
        (
            {"Content-Type": "multipart/form-data"},
            {"Content-Type": "multipart/form-data; boundary=" + "x" * 5000},
            {"Content-Encoding": "gzip"},
            {"X-Long": "x" * 200_000},
            {"Content-Type": "application/json"},
        )
    )
    return "POST", "/predict", rng.randbytes(300), headers


KINDS: Final[dict[str, Callable[[random.Random], Request]]] = {
    GOOD: _raw(_good),
    **{kind: _raw(make) for kind, make in HOSTILE.items()},
    "form": _form,
    "many parts": _many_parts,
    "oversized": _oversized,
    "address": _address,
    "odd headers": _odd_headers,
}


def send(port: int, request: Request) -> tuple[str, bool]:
    """Outcome of a request, and whether it is one that may be."""
    method, address, body, headers = request
    for _ in range(_TRIES):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME_LIMIT_S)
        try:
            connection.request(method, address, body, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except OSError as error:
            return type(error).__name__, False
        finally:
            connection.close()
        if response.status != 503:
            return str(response.status), _may_be(response.status, text)
        time.sleep(0.1)
    return "503 each time", False


def _may_be(status: int, text: str) -> bool:
    if "Traceback" in text or status >= 500:
        return False
    if text == "Invalid HTTP request received.":  # it never reaches the application
        return True
    said = json.loads(text)
    return "top" in said if status == 200 else list(said) == ["error"]


def peak_bytes(process_id: int) -> int:
    """The most memory that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text())
    return int(found[1]) << 10 if found else 0


def fuzz(port: int, num_cases: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by kind, and what went wrong."""
    cases = [(kind, random.Random(f"{kind}/{n}")) for n, kind in zip(range(num_cases), cycle(KINDS), strict=False)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    wrong = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = pool.map(lambda case: send(port, KINDS[case[0]](case[1])), cases)
        for (kind, _), (outcome, may_be) in zip(cases, outcomes, strict=True):
            counts[kind][outcome] += 1
            may_be |= kind == "odd headers" and not outcome.isdigit()  # a head without end is cut off
            if not may_be or (kind == GOOD and outcome != "200"):
                wrong.append(f"{kind}: {outcome}")
    return counts, wrong


def main() -> None:
    """Run the cases and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300, help="hostile and good requests (%(default)s)")
    parser.add_argument("--run", type=Path, help="a finished run (by default a small one is trained)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "errors.txt").open("w+") as errors:
        run = options.run or train(Path(folder))
        command = [sys.executable, "-m", "artkit", "serve", str(run), "--port", "0", "--device", "cpu"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert server.stdout is not None
            found = re.search(r":(\d+);", server.stdout.readline())
            assert found, "the server did not start"
            started = time.monotonic()
            counts, wrong = fuzz(int(found[1]), options.cases)
            seconds, peak = time.monotonic() - started, peak_bytes(server.pid)
            wrong += ["the server fell"] * (server.poll() is not None)
        finally:
            server.terminate()
            server.wait()
        errors.seek(0)
        wrong += ["a traceback"] * ("Traceback" in errors.read())
    for kind, results in counts.items():
        print(f"{kind:16}", ", ".join(f"{count} {outcome}" for outcome, count in results.most_common()))
    print(f"{'all':16} {seconds:.0f} s, {peak / 1e6:.0f} MB at most")
    wrong += ["too much memory"] * (peak > MEMORY_LIMIT)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
