"""`artkit schema`: what a recipe may say, for editors that complete and check it."""

from pathlib import Path
from typing import Annotated

import typer

from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, Prefer, plugin_settings


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", parser=given_path, help="Write it there, and not here.")
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    prefer: Prefer = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Print the JSON Schema of recipes, with which editors complete and check them."""
    import json

    from artkit.cli.resolving import open_registry, recipe_layer
    from artkit.recipe.schema import recipe_schema

    layer = recipe_layer(None, plugin_settings(plugin, block, prefer, no_plugins))
    text = json.dumps(recipe_schema(open_registry(layer)), indent=2)
    if out is None:
        typer.echo(text)
    else:
        _write(out, f"{text}\n")
        typer.echo(f"{out}: a recipe beside it uses it, if its first line is  #:schema ./{out.name}", err=True)


def _write(file: Path, text: str) -> None:
    from artkit.errors import RunError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror}; choose another place with --out") from None
