"""`artkit recipes`: the recipes that come with artkit, a line each."""

import typer

from artkit.cli.light_rows import print_light_rows


def recipes() -> None:
    """List the recipes that come with artkit; `artkit run NAME` runs one."""
    from artkit.recipe import recipe_summary, shipped_recipes

    rows = [(name, recipe_summary(file.read_text(encoding="utf-8"))) for name, file in shipped_recipes().items()]
    print_light_rows(("name", "what it is"), rows)
    typer.echo("`artkit run NAME` runs one, `artkit run NAME --print-recipe` shows all that it sets.", err=True)
