"""Hostile uploads for `artkit serve`: each must be answered by an answer or one sentence, in bounded time and memory.

    python tools/fuzz_serve.py --cases 300

Images that are none (`tools/hostile.py`), requests that are none, names and addresses that lead out, and slow senders
are sent to a real server, several at a time; some good images lie between. Prints what became of each kind, and how
long `/health` took meanwhile. The exit code is 1 if a good image got no answer, a bad one something else than a
sentence, the server fell, printed something, was away for long, or took too much memory.
"""

import argparse
import http.client
import io
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Final

from PIL import Image

from fuzz_predict import GOOD, train
from hostile import HOSTILE, bomb

TIME_LIMIT_S: Final = 60
AWAY_LIMIT_S: Final = 10
MEMORY_LIMIT: Final = 2 << 30
"""Peak of the server, torch included."""
_AT_ONCE: Final = 4
_TRIES: Final = 400
_PATIENCE_S: Final = 3
"""That the server has with slow senders."""
_HEAD: Final = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """Something to send as a program of good manners would."""

    body: bytes = b""
    method: str = "POST"
    address: str = "/predict"
    headers: dict[str, str] = field(default_factory=dict)


Case = Request | bytes
"""A request, or the bytes of what may be none."""


def _good(rng: random.Random) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((rng.randrange(20, 200), 90), 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def _image(make: Callable[[random.Random], bytes]) -> Callable[[random.Random], Request]:
    return lambda rng: Request(make(rng))


def _form(rng: random.Random) -> Request:
    name = rng.choice(("../../etc/passwd", "a\\..\\b.png", "x" * 5000, "%00.jpg"))
    head = f'--b\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
    body = head.encode() + rng.choice((_good(rng), bomb(rng), b"")) + rng.choice((b"\r\n--b--\r\n", b"\r\n--b", b""))
    return Request(body, headers={"Content-Type": "multipart/form-data; boundary=b"})


def _many_parts(rng: random.Random) -> Request:
    part = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n'
    start = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    body = rng.choice((part * 2, part * 50_000, start + b"\r\n--bX" * 1_000_000))
    return Request(body, headers={"Content-Type": "multipart/form-data; boundary=b"})


def _oversized(rng: random.Random) -> Request:
    return Request(bytes(rng.choice((20_000_001, 60_000_000))))


def _address(rng: random.Random) -> Request:
    address = rng.choice(
        ("/../../etc/passwd", "/thumbnails/-1", "/thumbnails/..%2f..%2f", "/thumbnails/" + "9" * 5000, "/%00", "//x")
    )
    return Request(method=rng.choice(("GET", "POST", "DELETE")), address=address)


def _odd_headers(rng: random.Random) -> Request:
    headers = rng.choice(
        (
            {"Content-Type": "multipart/form-data"},
            {"Content-Type": "multipart/form-data; boundary=" + "x" * 5000},
            {"Content-Encoding": "gzip"},
            {"X-Long": "x" * 200_000},
            {"Content-Type": "application/json"},
            {"Host": "evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
        )
    )
    return Request(rng.randbytes(300), headers=headers)


def _no_request(rng: random.Random) -> bytes:
    return rng.choice(
        (
            rng.randbytes(500),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            _HEAD + b"Content-Length: -1\r\n\r\n",
            _HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            _HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
            _HEAD + b"X\r\n y: z\r\n\r\n",
        )
    )


def _slow(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b"",
            _HEAD,
            _HEAD + b"Content-Length: 1000\r\n\r\n" + _good(rng)[:500],
            _HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        )
    )


KINDS: Final[dict[str, Callable[[random.Random], Case]]] = {
    GOOD: _image(_good),
    **{kind: _image(make) for kind, make in HOSTILE.items()},
    "form": _form,
    "many parts": _many_parts,
    "oversized": _oversized,
    "address": _address,
    "odd headers": _odd_headers,
    "no request": _no_request,
    "slow sender": _slow,
}
_MAY_BE_CUT_OFF: Final = ("odd headers", "no request", "slow sender")
"""Kinds that need not get an answer, since they may have no head, or one without an end."""


def send(port: int, case: Case) -> tuple[str, bool]:
    """Outcome of a case, and whether it is one that may be."""
    for _ in range(_TRIES):
        try:
            status, text = _send_bytes(port, case) if isinstance(case, bytes) else _send_request(port, case)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, False
        if status != 503:
            return str(status or "cut off"), status > 0 and _may_be(status, text)
        time.sleep(0.1)
    return "503 each time", False


def _send_request(port: int, request: Request) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME_LIMIT_S)
    try:
        connection.request(request.method, request.address, request.body, request.headers)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def _send_bytes(port: int, data: bytes) -> tuple[int, str]:
    """Status and body of what comes back; 0 if that is nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIME_LIMIT_S) as client:
        client.sendall(data)
        with client.makefile("rb") as file:
            head, _, body = file.read().partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body.decode(errors="replace")


def _may_be(status: int, text: str) -> bool:
    if "Traceback" in text or "/tmp" in text or status >= 500:
        return False
    if text.startswith("<!doctype html>"):
        return status == 200
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
            may_be |= kind in _MAY_BE_CUT_OFF and not outcome.isdigit()
            if not may_be or (kind == GOOD and outcome != "200"):
                wrong.append(f"{kind}: {outcome}")
    return counts, wrong


def _is_well(port: int) -> bool:
    try:
        return _send_request(port, Request(method="GET", address="/health"))[0] == 200
    except OSError:
        return False


@contextmanager
def watched_health(port: int) -> Iterator[list[float]]:
    """Seconds that `/health` takes, asked again and again while the block runs."""
    seconds: list[float] = []
    is_over = Event()

    def watch() -> None:
        while not is_over.wait(0.2):
            started = time.monotonic()
            is_well = _is_well(port)
            seconds.append(time.monotonic() - started if is_well else TIME_LIMIT_S)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield seconds
    finally:
        is_over.set()
        thread.join()


def main() -> None:
    """Run the cases and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300, help="hostile and good requests (%(default)s)")
    parser.add_argument("--run", type=Path, help="a finished run (by default a small one is trained)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "errors.txt").open("w+") as errors:
        run = options.run or train(Path(folder))
        limits = ["--seconds", str(_PATIENCE_S), "--at-once", str(_AT_ONCE)]
        command = [sys.executable, "-m", "artkit", "serve", str(run), "--port", "0", "--device", "cpu", *limits]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert server.stdout is not None
            found = re.search(r":(\d+);", server.stdout.readline())
            assert found, "the server did not start"
            port, started, told = int(found[1]), time.monotonic(), errors.seek(0, io.SEEK_END)
            with watched_health(port) as away:
                counts, wrong = fuzz(port, options.cases)
            seconds, peak = time.monotonic() - started, peak_bytes(server.pid)
            wrong += ["the server fell"] * (server.poll() is not None)
        finally:
            server.terminate()
            server.wait()
        errors.seek(told)
        wrong += errors.read().splitlines()
    for kind, results in counts.items():
        print(f"{kind:16}", ", ".join(f"{count} {outcome}" for outcome, count in results.most_common()))
    longest = max(away, default=0.0)
    print(f"{'all':16} {seconds:.0f} s, {peak / 1e6:.0f} MB at most, /health in {longest:.1f} s at most")
    wrong += ["too much memory"] * (peak > MEMORY_LIMIT) + ["away for long"] * (longest > AWAY_LIMIT_S)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
