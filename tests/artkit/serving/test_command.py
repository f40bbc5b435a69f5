"""The command `artkit serve`: its mistakes are told before any work, and it asks for what is not installed."""

import re
import socket
import sys

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import RunError
from artkit_shards.images import MAX_PIXELS


def error_of(*arguments):
    result = CliRunner().invoke(app, ["serve", *map(str, arguments)])
    assert result.exception is not None, result.output
    return result.exception


def test_missing_packages_are_told_with_the_command_that_installs_them(tmp_path, monkeypatch):
    for name in ("uvicorn", "python_multipart"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    error = error_of(tmp_path)
    assert isinstance(error, RunError)
    assert str(error) == (
        "artkit serve needs uvicorn and python-multipart; install what it takes with: pip install 'artkit[serve]'"
    )


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("0", "greater than or equal to 0.001"),
        ("178.001", f"less than or equal to {MAX_PIXELS / 1e6:g}"),
        ("nan", "less than or equal to"),
        ("many", "valid number"),
    ],
)
def test_megapixels_are_a_number_up_to_what_can_be_decoded_at_all(tmp_path, given, rule):
    result = CliRunner().invoke(app, ["serve", str(tmp_path), "--max-megapixels", given])
    assert result.exit_code == 2
    assert "--max-megapixels" in result.stderr
    assert rule in re.sub(r"\W*\n\W*", " ", result.stderr)


class TestPort:
    """What the command needs the extra for."""

    @pytest.fixture(autouse=True)
    def packages(self):
        for module in ("starlette", "uvicorn", "python_multipart"):
            pytest.importorskip(module, reason="needs the extra serve")

    @pytest.fixture(autouse=True)
    def run_folder(self, tmp_path):
        (tmp_path / "recipe.toml").touch()  # what a run folder is told by

    def test_a_port_in_use_is_an_error_before_any_work(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number = taken.getsockname()[1]
            error = error_of(tmp_path, "--port", number)
        assert isinstance(error, RunError)
        assert f"port {number} of 127.0.0.1 cannot be had (Address already in use)" in str(error)
        assert "--port" in str(error)

    @pytest.mark.parametrize("host", ["203.0.113.7", "x" * 70, "a..b"])
    def test_a_host_that_is_none_is_an_error(self, tmp_path, host):
        error = error_of(tmp_path, "--host", host, "--port", 0)
        assert isinstance(error, RunError)
        assert f"port 0 of {host} cannot be had" in str(error)

    def test_an_empty_host_does_not_mean_all_addresses(self, tmp_path):
        error = error_of(tmp_path, "--host", "")
        assert isinstance(error, RunError)
        assert "--host is empty" in str(error)

    def test_a_name_that_is_an_address_is_refused(self, tmp_path):
        error = error_of(tmp_path, "--allow-host", "https://art.example.org")
        assert isinstance(error, RunError)
        assert "is no name of a host" in str(error)

    def test_what_listens_to_all_addresses_is_told_by_the_name_of_the_machine(self):
        from artkit.serving.server import address_of, open_port

        with open_port("0.0.0.0", 0) as taken:
            assert re.fullmatch(rf"http://{re.escape(socket.gethostname())}:\d+", address_of(taken))
