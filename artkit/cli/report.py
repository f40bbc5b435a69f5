"""`artkit report`: the report and the figures of a run, drawn anew from the files in its folder."""

from pathlib import Path
from typing import Annotated

import typer

from artkit.cli.notes import print_note
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, plugin_settings


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", parser=given_path, help="Folder that `artkit run` left.")],
    reporter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Who draws; repeatable.", show_default="those of the run that can"),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="What to show: a folder that `artkit evaluate --out` wrote.",
            show_default="the run's own test",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", parser=given_path, help="Where to draw.", show_default="RUN, or the folder of --answers"
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where the data set is now.", show_default="where it was"),
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Show images of the data set.")] = True,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KIND.OPTION=VALUE", help="Option of a reporter: reporter.mosaic.tile=96."),
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Draw the report and the figures of a run anew, from the files in its folder: no model is needed."""
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.engine.redrawing import redraw
    from artkit.engine.wanted_reports import Wanted
    from artkit.errors import RunError

    wanted = Wanted(
        run=run,
        reporters=reporter or (),
        assignments=set_ or (),
        answers=answers,
        out=out,
        data=data,
        with_pictures=pictures,
        plugins=plugin_settings(plugin, block, no_plugins=no_plugins),
    )
    done = redraw(wanted, warn=print_note)
    if done.mistakes:
        raise RunError("\n".join(done.mistakes))
    typer.echo(f"drawn in {done.folder}: {', '.join(done.reporters)}")
    if (done.folder / "report.html").is_file():
        typer.echo(f"report   {done.folder / 'report.html'}")
