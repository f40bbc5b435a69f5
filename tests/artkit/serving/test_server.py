"""`artkit serve` as a process: slow and many clients, a port that is taken, and its end."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import RunError
from artkit_shards import open_dataset

for module in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="needs the extra serve")

pytestmark = pytest.mark.slow


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
    with served(uneven_run, "--seconds", "1", "--at-once", "1") as (_, port):
        yield port


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/predict", body)
    response = connection.getresponse()
    return response.status, json.loads(response.read()), response.headers


def read_all(client):
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_body_that_does_not_come_is_cut_off(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 1 seconds" in answer


def test_a_head_that_does_not_come_is_cut_off(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost:")
        started = time.monotonic()
        assert read_all(client) == b""
        assert time.monotonic() - started < 10


def test_more_than_may_be_at_once_are_told_to_come_again(port, uneven_shards):
    image = open_dataset(uneven_shards).split("test").read(0)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        time.sleep(0.3)  # until the server has read the head
        status, said, headers = post(port, image)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "in a moment" in said["error"]
        read_all(client)
    assert post(port, image)[0] == 200


def test_a_large_body_is_answered_though_it_is_refused(port):
    status, said, _ = post(port, bytes(21_000_000))
    assert status == 413
    assert "more than 20 MB" in said["error"]


def test_ctrl_c_ends_it_in_one_line(uneven_run):
    with served(uneven_run, "--nearest", "0") as (process, _):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_a_port_in_use_is_an_error_before_any_work(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["serve", str(tmp_path), "--port", str(number)])
    assert isinstance(result.exception, RunError)
    assert f"port {number} of 127.0.0.1 cannot be had (Address already in use)" in str(result.exception)
    assert "--port" in str(result.exception)
