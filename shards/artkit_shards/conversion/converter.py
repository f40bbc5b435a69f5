"""Converting: images of any kind -> a complete data set of tar shards, or an error and nothing half-done.

1. Inspect every file, so that bad ones are known before anything is decided.
2. Choose classes, draw the split, lay out the shards: all pure functions of the list of images and the options.
3. Write the shards, each whole or not at all; then the index; the manifest last.

The result does not depend on the number of workers, the time or the machine's file order: the same images and options
give the same bytes.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from artkit_shards.conversion.augmenting import ImageAugmenter, check_augmenter
from artkit_shards.conversion.cluster import absolute, absolute_location, check_nodes, open_cluster
from artkit_shards.conversion.destination import Destination
from artkit_shards.conversion.foresight import check_choices
from artkit_shards.conversion.listing import make_listing
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.report import ConvertReport
from artkit_shards.conversion.running import Conversion
from artkit_shards.conversion.settings import DEFAULTS, Settings
from artkit_shards.conversion.workers import Workers, default_workers, open_workers
from artkit_shards.errors import ConvertError, is_disk_full
from artkit_shards.progress import Progress, ignore_progress

_IMAGES_PER_WORKER: Final = 64
"""Starting a process costs as much as inspecting about this many images."""


def convert(
    records: Iterable[Record],
    directory: Path | str,
    settings: Settings = DEFAULTS,
    *,
    rejects: Sequence[tuple[str, str]] = (),
    workers: int | None = None,
    cluster: str | None = None,
    force: bool = False,
    progress: Progress = ignore_progress,
    augmenter: ImageAugmenter | None = None,
) -> ConvertReport:
    """Convert images to a data set of tar shards.

    A conversion that was killed, or found no more space, goes on where it was when it is called again with the same
    images and settings, and ends with the same bytes.

    Args:
        records: The images, in any order.
        directory: Folder of the data set, or an address such as "s3://bucket/folder"; made if it does not exist. Files
            of others in it are not touched.
        settings: What the data set is to hold.
        rejects: Files that are known to be unusable before anything is read, such as rows of a table whose file is
            missing, each with a reason; they are listed and counted with the others, but not against `max_rejects`.
        workers: Processes, by default one a core; on a cluster, jobs at a time. The result does not depend on it.
        cluster: Address of a Ray cluster that does the work, or "auto"; see `open_cluster`.
        force: Replace a complete data set that is there.
        progress: Told of the images done; the phases are "inspect" and "write".
        augmenter: What changes the copies of training images that `settings` ask for.

    Raises:
        ConvertError: if the images or settings cannot be used, or writing fails. No manifest is written then, and if
            nothing was written yet, a data set that was there stays.
    """
    settings.check()
    check_augmenter(augmenter, settings)
    listing = make_listing(records)
    check_choices(listing, settings)
    if cluster is not None:
        directory = absolute_location(directory)
        listing = [absolute(record) for record in listing]
    destination = Destination(directory, force=force)
    try:
        destination.check(listing, settings.sidecars)
        with destination.hold() as hold, _pool(workers, cluster, len(listing)) as running:
            if cluster is not None:
                check_nodes(listing, destination.store)
            conversion = Conversion(
                listing=listing,
                known_rejects=rejects,
                settings=settings,
                augmenter=augmenter,
                destination=destination,
                hold=hold,
                pool=running,
                far_workers=cluster is not None,
                progress=progress,
            )
            return conversion.run()
    except OSError as error:
        raise write_error(error, destination) from error


def _pool(workers: int | None, cluster: str | None, num_images: int) -> AbstractContextManager[Workers]:
    if workers is not None and workers < 1:
        raise ConvertError(f"workers={workers} is out of bounds; it must be at least 1")
    if cluster is not None:
        return open_cluster(cluster, workers)
    return open_workers(min(default_workers() if workers is None else workers, num_images // _IMAGES_PER_WORKER))


def write_error(error: OSError, destination: Destination) -> ConvertError:
    """What to tell the user when the system refuses to write."""
    if is_disk_full(error):
        free = destination.store.free_bytes()
        room = "" if free is None else f" ({free / 1e6:.0f} MB free)"
        return ConvertError(
            f"no space left to write the shards to {destination.location}{room}; free some and run the same command "
            "again, which goes on from here; or choose a folder on another disk"
        )
    return ConvertError(
        f"cannot write the shards to {destination.location}: {error.strerror or error}; mend this and run the same "
        "command again, which goes on from here"
    )
