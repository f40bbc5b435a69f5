"""The scaffold of `artkit plugins new`: writes a package for a plugin, complete with its test, without a network.

    naming.py     the names of a package: the distribution, its module, its component
    content.py    what the package provides: an example of a kind, or the components of an author's own file
    imports.py    which other packages an author's file needs
    writing.py    fills in the templates and writes the folder
    templates/    the files of a package; those in kinds/ are the examples, one a kind

Templates are jinja2 with `<< name >>` for values and `<% if %>` for choices, since TOML, YAML and Python use braces.
"""

from artkit.scaffold.content import Content, Provided, content_of_example, content_of_file
from artkit.scaffold.naming import PackageName
from artkit.scaffold.writing import example_module, write_package

__all__ = [
    "Content",
    "PackageName",
    "Provided",
    "content_of_example",
    "content_of_file",
    "example_module",
    "write_package",
]
