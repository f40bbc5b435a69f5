from importlib.util import find_spec

import fsspec
import pytest

from artkit_shards import DatasetError, Patience
from artkit_shards.format.addresses import parse_address
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.transfer import MissingFileError, NoPartsError

HASTY = Patience(attempts=3, first_wait_s=0.001, longest_wait_s=0.002, silence_s=5)
DATA = bytes(range(256)) * 40


@pytest.fixture
def folder(unreliable_server):
    (unreliable_server.folder / "a.bin").write_bytes(DATA)
    return RemoteFolder(parse_address(unreliable_server.address), HASTY)


def with_secrets(server, path=""):
    """The server's address with a password and a signed query."""
    return parse_address(f"http://artist:pass%2Fword@{server.host}{path}?signature=hidden%3D")


def test_a_file_comes_whole_or_in_part(folder, unreliable_server):
    assert folder.read("a.bin", most=len(DATA)) == DATA
    assert folder.read_at("a.bin", 100, 50) == DATA[100:150]
    assert folder.size("a.bin") == len(DATA)
    assert unreliable_server.asked_for("a.bin") == ["", "bytes=100-149", "bytes=0-0"]


def test_files_are_listed_by_the_links_of_a_page(folder, unreliable_server):
    (unreliable_server.folder / "b c.tar").touch()
    (unreliable_server.folder / "..%2F..%2Fx").touch()
    assert folder.names() == ["a.bin", "b c.tar"]


def test_a_cut_connection_goes_on_at_the_byte_where_it_was_cut(folder, unreliable_server):
    unreliable_server.faults["/a.bin"] = [("cut", 3000), ("cut", 500), 503]
    assert folder.read_at("a.bin", 100, 9000) == DATA[100:9100]
    starts = [int(asked.removeprefix("bytes=").partition("-")[0]) for asked in unreliable_server.asked_for("a.bin")]
    assert starts == [100, 3100, 3600, 3600]


def test_many_cuts_are_borne_as_long_as_something_comes(folder, unreliable_server):
    unreliable_server.faults["/a.bin"] = [("cut", 1000)] * 9
    assert folder.read_at("a.bin", 0, len(DATA)) == DATA
    assert len(unreliable_server.requests) == 10


def test_attempts_that_bring_next_to_nothing_are_bounded(folder, unreliable_server):
    unreliable_server.faults_forever["/a.bin"] = ("cut", 10)
    with pytest.raises(DatasetError, match=r"from byte \d+ of 10240 on after 3 attempts in a row: .*; check network"):
        folder.read_at("a.bin", 0, len(DATA))
    assert len(unreliable_server.requests) < 80


def test_a_server_that_ignores_ranges_gives_the_right_bytes(folder, unreliable_server):
    unreliable_server.knows_ranges = False
    unreliable_server.faults["/a.bin"] = ["", ("cut", 5000)]
    assert folder.read_at("a.bin", 300, 2000) == DATA[300:2300]
    assert folder.read_at("a.bin", 4000, 6000) == DATA[4000:10000]
    assert folder.size("a.bin") == len(DATA)


def test_a_part_far_within_a_file_is_refused_where_only_whole_files_come(folder, unreliable_server, monkeypatch):
    monkeypatch.setattr("artkit_shards.format.remote._MOST_SKIPPED", 4000)
    unreliable_server.knows_ranges = False
    assert folder.read_at("a.bin", 4000, 10) == DATA[4000:4010]
    with pytest.raises(NoPartsError, match=r"a\.bin .*from byte 4001 of 4011 on: the server sends whole files.*; copy"):
        folder.read_at("a.bin", 4001, 10)
    assert len(unreliable_server.requests) == 2


def test_a_page_without_end_is_no_list_of_files(folder, unreliable_server, monkeypatch):
    monkeypatch.setattr("artkit_shards.format.stores.MAX_PAGE_BYTES", 3000)
    unreliable_server.faults_forever["/"] = ("bytes", b'<a href="b.tar">' + b" " * 2000)
    assert folder.names() == ["b.tar"]
    unreliable_server.faults_forever["/"] = ("bytes", b'<a href="b.tar">' + b" " * (1 << 24))
    with pytest.raises(DatasetError, match="its page has more than 3000 bytes, which is more than a list of files has"):
        folder.names()


def test_another_range_than_asked_for_is_not_taken(folder, unreliable_server):
    unreliable_server.faults["/a.bin"] = ["wrong range"]
    assert folder.read_at("a.bin", 300, 2000) == DATA[300:2300]
    unreliable_server.faults_forever["/a.bin"] = "wrong range"
    with pytest.raises(DatasetError, match="the server sent another range than it was asked for"):
        folder.read_at("a.bin", 300, 2000)


def test_a_file_of_unknown_length_is_read_to_its_end(folder, unreliable_server):
    unreliable_server.faults_forever["/a.bin"] = "no length"
    assert folder.read("a.bin", most=len(DATA)) == DATA


def test_a_file_that_is_too_large_is_not_read_further(folder, unreliable_server):
    unreliable_server.faults_forever["/a.bin"] = "no length"
    with pytest.raises(DatasetError, match=r"a\.bin has more than 10239 bytes, which is more than a file of this kind"):
        folder.read("a.bin", most=len(DATA) - 1)


def test_a_file_that_is_shorter_than_it_should_be_is_told_with_the_byte(folder):
    with pytest.raises(DatasetError, match=r"a\.bin cannot be fetched from byte 10240 of 10340 on: HTTP 416 .*shorter"):
        folder.read_at("a.bin", 10000, 340)
    with pytest.raises(DatasetError, match=r"from byte 20000 of 20010 on: HTTP 416 .*: the file there is shorter; up"):
        folder.read_at("a.bin", 20000, 10)


@pytest.mark.parametrize(
    ("status", "requests", "told"),
    [
        (500, 3, "after 3 attempts in a row: HTTP 500 Internal Server Error; check network and server, then try again"),
        (429, 3, "after 3 attempts in a row: HTTP 429 Too Many Requests; check network"),
        (403, 1, "from byte 0 on: HTTP 403 Forbidden; check the credentials in the address, in ~/.netrc or in the env"),
        (401, 1, "HTTP 401 Unauthorized; check the credentials"),
        (404, 1, "HTTP 404 Not Found; check the address; what is missing there must be uploaded again"),
        (418, 1, "HTTP 418 I'm a Teapot"),
        (299, 1, "HTTP 299; check network"),
    ],
)
def test_what_may_pass_is_tried_again_and_what_lasts_is_told_at_once(unreliable_server, status, requests, told):
    unreliable_server.faults_forever["/set/a.bin"] = status
    folder = RemoteFolder(with_secrets(unreliable_server, "/set"), HASTY)
    where = f"http://{unreliable_server.host}/set/a.bin cannot be fetched"
    with pytest.raises(DatasetError, match=f"^{where}.*{told}") as caught:
        folder.read("a.bin", most=100)
    assert len(unreliable_server.requests) == requests
    assert isinstance(caught.value, MissingFileError) == (status == 404)


def test_no_error_has_a_secret_in_it(unreliable_server):
    errors = []
    address = with_secrets(unreliable_server)
    folder = RemoteFolder(address, Patience(attempts=2, first_wait_s=0, silence_s=0.2))
    for fault in (
        401,
        403,
        404,
        500,
        ("cut", 0),
        ("slow", 1),
        "wrong range",
        ("moved", "/elsewhere"),
        ("moved", "ftp://x"),
    ):
        unreliable_server.faults_forever["/a.bin"] = fault
        (unreliable_server.folder / "a.bin").write_bytes(DATA)
        for ask in (lambda: folder.read_at("a.bin", 5, 5000), lambda: folder.size("a.bin"), folder.names):
            try:
                ask()
            except DatasetError as error:
                errors.append(error)
    unreliable_server.close()
    nobody = RemoteFolder(parse_address("https://artist:pass%2Fword@127.0.0.1:1/x?signature=hidden%3D"), HASTY)
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1:1/x/a\.bin cannot be fetched .* attempts") as caught:
        nobody.read("a.bin", most=10)
    errors.append(caught.value)
    assert len(errors) > 15
    for error in errors:
        for secret in ("artist", "pass", "word@", "hidden"):
            assert secret not in str(error)
        # What is shown below "During handling of" would be just as public.
        assert error.__suppress_context__


def test_credentials_of_the_address_are_used(unreliable_server):
    (unreliable_server.folder / "a.bin").write_bytes(DATA)
    RemoteFolder(with_secrets(unreliable_server), HASTY).read("a.bin", most=len(DATA))
    [(_, _, authorization)] = unreliable_server.requests
    assert authorization.startswith("Basic ")


def test_a_silent_server_is_given_up(unreliable_server):
    (unreliable_server.folder / "a.bin").write_bytes(DATA)
    unreliable_server.faults_forever["/a.bin"] = ("slow", 5)
    folder = RemoteFolder(parse_address(unreliable_server.address), Patience(attempts=2, first_wait_s=0, silence_s=0.1))
    with pytest.raises(DatasetError, match="after 2 attempts in a row: no answer in time"):
        folder.read("a.bin", most=len(DATA))


def test_memory_and_any_other_file_system_is_read_in_pieces(monkeypatch):
    monkeypatch.setattr("artkit_shards.format.stores._PIECE_BYTES", 1000)
    system = fsspec.filesystem("memory")
    system.pipe_file("/remote-test/a.bin", DATA)
    folder = RemoteFolder(parse_address("memory://remote-test"), HASTY)
    assert folder.read("a.bin", most=len(DATA)) == DATA
    assert folder.read_at("a.bin", 999, 3002) == DATA[999:4001]
    assert (folder.names(), folder.size("a.bin")) == (["a.bin"], len(DATA))
    with pytest.raises(DatasetError, match=r"from byte 10240 of 20000 on: no more bytes came: the file there is short"):
        folder.read_at("a.bin", 0, 20000)
    with pytest.raises(MissingFileError, match=r"memory://remote-test/b\.bin cannot be fetched .*: there is no such"):
        folder.read("b.bin", most=10)
    system.rm("/remote-test", recursive=True)


def test_a_missing_package_is_told_with_the_command_that_installs_it():
    if find_spec("s3fs"):
        pytest.skip("s3fs is installed")
    with pytest.raises(DatasetError, match="s3://bucket/x cannot be read: s3:// needs more packages; pip install s3fs"):
        RemoteFolder(parse_address("s3://bucket/x"))


def test_a_folder_behind_a_query_cannot_be_listed(unreliable_server):
    with pytest.raises(DatasetError, match="whose address has a query cannot be listed; use an address without one"):
        RemoteFolder(with_secrets(unreliable_server), HASTY).names()


def test_waits_double_at_random_below_their_bound():
    patience = Patience(first_wait_s=1.0, longest_wait_s=5.0)
    for failures, bound in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (1000, 5.0)):
        waits = [patience.wait_s(failures) for _ in range(200)]
        assert 0 <= min(waits) < 0.2 * bound
        assert 0.8 * bound < max(waits) <= bound


@pytest.mark.parametrize(("name", "value"), [("attempts", 0), ("first_wait_s", -1.0), ("silence_s", -0.1)])
def test_bounds_of_patience_must_make_sense(name, value):
    with pytest.raises(ValueError, match=rf"{name}={value} is out of bounds"):
        Patience(**{name: value})


def test_a_stream_can_be_given_up_long_before_its_end(folder, unreliable_server):
    (unreliable_server.folder / "a.bin").write_bytes(bytes(1 << 26))
    unreliable_server.faults["/a.bin"] = [("slow", 0.01)]
    stream = folder.stream("a.bin")
    assert next(stream)
    # Reading on to the end would take longer than a test may.
    stream.close()


def test_a_forked_process_has_connections_of_its_own(folder, exit_code_of_fork):
    assert folder.read_at("a.bin", 0, 5) == DATA[:5]
    assert exit_code_of_fork(lambda: folder.read_at("a.bin", 7, 1)[0]) == DATA[7]
    assert folder.read_at("a.bin", 5, 5) == DATA[5:10]
