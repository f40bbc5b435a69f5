"""Finding the images of a tree by their endings, and counting what is no image."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

from artkit_shards.conversion.sources.listing import Entry, Tree
from artkit_shards.images import IMAGE_ENDINGS
from artkit_shards.wording import counted


class ImageWalk:
    """Walks the images of a tree, in order.

    Args:
        tree: Where they are.
        leave_out: Paths of folders and files that are passed over without a word.
    """

    def __init__(self, tree: Tree, leave_out: Collection[str] = ()) -> None:
        self.tree = tree
        self._leave_out = frozenset(leave_out)
        self._num_links = 0
        self._skipped: Counter[str] = Counter()

    def below(self, folder: str = "") -> Iterator[Entry]:
        """Images of a folder and of the folders in it, however deep; what is passed over is counted."""
        folders = [folder]
        while folders:
            entries = self.tree.entries(folders.pop())
            yield from self._images(entries)
            inner = (entry.path for entry in reversed(entries) if entry.kind == "folder")
            folders += [path for path in inner if path not in self._leave_out]

    def right_in(self, folder: str) -> list[Entry]:
        """Images right in a folder; everything else there that is no folder is counted as left out."""
        return list(self._images(self.tree.entries(folder)))

    def _images(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.path in self._leave_out:
                continue
            if entry.kind == "link":
                self._num_links += 1
            elif is_image(entry):
                yield entry
            elif entry.kind != "folder":
                self._skipped[PurePosixPath(entry.name).suffix.lower() or "without ending"] += 1

    def notes(self) -> list[str]:
        """A sentence each on links and files that are no images."""
        notes = []
        if self._num_links:
            links = counted(self._num_links, "link")
            notes.append(f"{links} not followed; put the files themselves there if they belong to the set")
        if self._skipped:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._skipped.most_common(5))
            notes.append(f"{counted(self._skipped.total(), 'file')} not named as an image left out ({kinds})")
        return notes


def folders_in(tree: Tree, folder: str = "") -> list[Entry]:
    """The folders right in a folder."""
    return [entry for entry in tree.entries(folder) if entry.kind == "folder"]


def is_image(entry: Entry) -> bool:
    """Whether an entry is a file that is named as an image."""
    return entry.kind == "file" and entry.name.lower().endswith(IMAGE_ENDINGS)


def has_images(tree: Tree, folder: str) -> bool:
    """Whether there is an image in a folder, however deep."""
    return any(True for _ in ImageWalk(tree).below(folder))
