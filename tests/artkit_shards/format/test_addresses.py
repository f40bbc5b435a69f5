import pickle
from pathlib import Path

import pytest

from artkit_shards import DatasetError
from artkit_shards.format.addresses import is_address, local_path, parse_address


@pytest.mark.parametrize(
    ("location", "meant"),
    [
        ("https://host/folder", True),
        ("s3://bucket", True),
        ("ssh://host/folder", True),
        ("pipe:cat x", True),
        ("PIPE:cat x", True),
        ("simplecache::https://host/x", True),
        ("zip://a.tar::s3://bucket/x.zip", True),
        ("shards", False),
        ("/data/shards", False),
        ("C:\\data", False),
        ("a::b", False),
        (Path("https://host/folder"), False),
    ],
    ids=str,
)
def test_an_address_is_told_from_a_path(location, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a::b").mkdir()
    assert is_address(location) == meant


@pytest.mark.parametrize(
    ("location", "file"),
    [
        ("https://host/folder", "https://host/folder/a.tar"),
        ("https://host:8080/folder//", "https://host:8080/folder/a.tar"),
        ("https://host", "https://host/a.tar"),
        ("https://user:pw@host/f?sig=x%2Fy&v=1", "https://user:pw@host/f/a.tar?sig=x%2Fy&v=1"),
        ("s3://bucket/a#c?d/", "s3://bucket/a#c?d/a.tar"),
        ("abfs://container@account/x", "abfs://container@account/x/a.tar"),
        ("memory://x", "memory://x/a.tar"),
        ("s3://bucket/my data", "s3://bucket/my data/a.tar"),
    ],
)
def test_a_file_of_a_folder_keeps_what_is_needed_to_fetch_it(location, file):
    assert parse_address(location).file("a.tar") == file


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://host/folder/", "https://host/folder"),
        ("https://user:secret@host/folder", "https://host/folder"),
        ("https://secret@host:81/folder", "https://host:81/folder"),
        ("https://host/folder?signature=secret&x=1#secret", "https://host/folder"),
        ("abfs://container@account/x", "abfs://container@account/x"),
        ("s3://key:secret@bucket/x", "s3://bucket/x"),
    ],
)
def test_an_address_is_shown_without_its_secrets(location, shown):
    address = parse_address(location)
    assert str(address) == shown
    assert address.shown("a.tar") == f"{shown}/a.tar"
    assert "secret" not in repr(address)
    assert address.has_secrets == ("secret" in location)


def test_texts_of_others_are_scrubbed_of_every_form_of_a_secret():
    address = parse_address("https://artist:p%40ss@host/f?sig=ab%2Bcd&se=2030")
    text = "GET https://artist:p%40ss@host/f?sig=ab%2Bcd&se=2030 failed for artist p@ss with ab+cd"
    assert address.scrub(text) == "GET https://***@host/f?*** failed for *** *** with ***"


@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("ssh://host/x", "ssh://host/x begins with ssh://, which is not read; give a folder, or an address that"),
        ("sftp://u:secret@host/x", "sftp://host/x begins with sftp://, which is not read"),
        ("pipe:curl secret.example", "pipe:curl secret.example is no address that can be read"),
        ("simplecache::https://u:secret@h/x", "simplecache::https://h/x is no address that can be read"),
        ("https://h/x::zip://y", "https://h/x::zip://y is no address that can be read"),
        ("https:///x", "https:// names no host; write https://host/folder"),
        ("https://h/a\nb", r"https://h/a\\nb is no address that can be read"),
        ("https://user:se/cret@host/x", "https://host/x is no address that can be read"),
        ("https://h:port/x", "https://h:port/x is no address that can be read"),
        ("folder", "folder is no address that can be read"),
    ],
)
def test_what_is_not_read_is_refused_without_its_secrets(location, fault):
    with pytest.raises(DatasetError, match=f"^{fault}") as caught:
        parse_address(location)
    assert "u:secret" not in str(caught.value)
    assert "cret@" not in str(caught.value)


def test_file_addresses_are_paths_of_this_machine():
    assert local_path(parse_address("file:///data/my%20shards/")) == Path("/data/my shards")
    assert local_path(parse_address("https://host/data")) is None


def test_the_address_of_a_file_is_split_into_folder_and_name():
    folder, name = parse_address("https://u:secret@host/a/b.tar?sig=hidden").split()
    assert (str(folder), name, folder.file(name)) == (
        "https://host/a",
        "b.tar",
        "https://u:secret@host/a/b.tar?sig=hidden",
    )


def test_addresses_can_be_sent_to_other_processes():
    address = parse_address("https://u:secret@host/a?sig=hidden")
    assert pickle.loads(pickle.dumps(address)) == address
