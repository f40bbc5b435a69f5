"""The names that plugins may use are those that `artkit` lists, and they are there."""

import ast
from pathlib import Path

import pytest

import artkit


@pytest.mark.parametrize("name", artkit.__all__)
def test_every_public_name_is_there(name):
    assert getattr(artkit, name) is not None


def test_type_checkers_see_the_same_names_as_users():
    tree = ast.parse(Path(artkit.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name for node in block.body for alias in node.names}
    assert imported == set(artkit.__all__) - {"__version__"}


def test_dir_lists_the_public_names():
    assert dir(artkit) == sorted(artkit.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'artkit' has no attribute 'nothing'$"):
        _ = artkit.nothing


def test_modules_of_artkit_are_still_found():
    from artkit import errors

    assert errors.ArtkitError is artkit.ArtkitError
