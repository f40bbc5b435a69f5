import subprocess
import sys

import pytest

import artkit_shards


def modules_after(code):
    result = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_every_public_name_is_there():
    assert [name for name in artkit_shards.__all__ if getattr(artkit_shards, name, None) is None] == []
    assert dir(artkit_shards) == sorted(artkit_shards.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'artkit_shards' has no attribute 'Lodaer'"):
        _ = artkit_shards.Lodaer


def test_errors_and_records_need_neither_numpy_nor_torch():
    modules = modules_after("from artkit_shards import ConvertError, Record, demo_path")
    assert not modules & {"numpy", "torch", "PIL"}


def test_converting_and_opening_need_no_torch():
    modules = modules_after("from artkit_shards import ClassFolders, convert, open_dataset")
    assert "numpy" in modules
    assert "torch" not in modules


def test_modules_do_not_hide_what_is_named_like_them():
    code = "import artkit_shards.conversion.converter\nfrom artkit_shards import convert\nassert callable(convert)"
    assert "artkit_shards.conversion.converter" in modules_after(code)
