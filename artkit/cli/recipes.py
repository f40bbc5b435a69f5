"""`artkit recipes`: the recipes that come with artkit, a line each."""

import typer

from artkit.cli.tables import plain_console, plain_table


def recipes() -> None:
    """List the recipes that come with artkit; `artkit run NAME` runs one."""
    from artkit.recipe import recipe_summary, shipped_recipes

    table = plain_table("name", "what it is", unwrapped=("name",))
    for name, file in shipped_recipes().items():
        table.add_row(name, recipe_summary(file.read_text(encoding="utf-8")))
    plain_console().print(table)
    typer.echo("`artkit run NAME` runs one, `artkit run NAME --print-recipe` shows all that it sets.", err=True)
