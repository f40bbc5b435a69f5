"""`artkit serve` as a process: slow, broken and many clients, and its end."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from artkit_shards import open_dataset

for module in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="needs the extra serve")

pytestmark = pytest.mark.slow

HALF_A_BODY = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"


@contextmanager
def served(run, *options):
    """The process and its port."""
    command = [sys.executable, "-m", "artkit", "serve", str(run), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+);", line)
        assert found, process.communicate(timeout=20)
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def port(uneven_run):
    with served(uneven_run, "--seconds", "1", "--at-once", "1", "--max-megapixels", "0.01") as (_, port):
        yield port


@pytest.fixture(scope="module")
def image(uneven_shards):
    return open_dataset(uneven_shards).split("test").read(0)


def ask(port, method, address, body=b"", headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, address, body, dict(headers))
    response = connection.getresponse()
    return response.status, json.loads(response.read()), response.headers


def post(port, body):
    return ask(port, "POST", "/predict", body)


def send(port, data):
    """All that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(data)
        return read_all(client)


def read_all(client):
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_body_that_does_not_come_is_cut_off(port):
    answer = send(port, HALF_A_BODY)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 1 s" in answer


def test_a_head_that_does_not_come_is_cut_off(port):
    started = time.monotonic()
    assert send(port, b"POST /predict HTTP/1.1\r\nHost:") == b""
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000,
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
    ],
)
def test_what_is_no_request_gets_a_sentence(port, data):
    head, _, body = send(port, data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"nosniff" in head
    assert "cannot be read as a request" in json.loads(body)["error"]


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent(port):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 20000001\r\n\r\n"
    assert send(port, head).startswith(b"HTTP/1.1 413")


def test_a_large_body_is_answered_though_it_is_refused(port):
    status, said, _ = post(port, bytes(21_000_000))
    assert status == 413
    assert "more than 20 MB" in said["error"]


def test_the_command_sets_the_limit_of_pixels(port, foreign_tars):
    assert post(port, foreign_tars.image(1, "WEBP", (100, 100)))[0] == 200
    status, said, _ = post(port, foreign_tars.image(1, "WEBP", (101, 100)))
    assert status == 422
    assert "101 x 100 pixels, more than the limit of 0.01 megapixels" in said["error"]


def test_more_than_may_be_at_once_are_told_to_come_again(port, image):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(HALF_A_BODY)
        time.sleep(0.3)  # until the server has read the head
        status, said, headers = post(port, image)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "in a moment" in said["error"]
        read_all(client)
    assert post(port, image)[0] == 200


def test_many_at_once_are_answered_or_told_to_come_again(port, image):
    with ThreadPoolExecutor(12) as pool:
        statuses = [status for status, *_ in pool.map(lambda _: post(port, image), range(24))]
    assert 200 in statuses
    assert set(statuses) <= {200, 503}


def test_connections_over_the_limit_are_cut_off_and_leave_it_well(port):
    clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(70)]
    for client in clients:  # some at once, the others once their time for a request is over
        with client:
            try:
                assert client.recv(1) == b""
            except ConnectionResetError:
                continue
    assert ask(port, "GET", "/health")[0] == 200


def test_ctrl_c_ends_it_in_one_line_whoever_is_connected(uneven_run):
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    with served(uneven_run, "--nearest", "0") as (process, port):
        assert send(port, b"no request\r\n\r\n").startswith(b"HTTP/1.1 400")
        assert ask(port, "POST", "/predict", b"--b no form", form)[0] == 400
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            socket.create_connection(("127.0.0.1", port)) as slow,
        ):
            slow.sendall(HALF_A_BODY)
            time.sleep(0.3)  # until the server has read the head
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
            assert (idle.recv(1), process.returncode, out, err) == (b"", 0, "stopped\n", "")
