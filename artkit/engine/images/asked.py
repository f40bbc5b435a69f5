"""All the images that a user asks about in one command: from several places, with how many they are."""

from collections import Counter
from collections.abc import Iterator, Sequence

from artkit.engine.images.found import Found
from artkit.engine.images.places import open_place
from artkit.errors import RunError
from artkit_shards.wording import counted, listed


class AskedImages:
    """The images at some paths and addresses.

    Args:
        given: As the user wrote them, see `open_place`; at least one.
        split: Of data sets, the only split to take; None: all.

    Raises:
        RunError: if there is nothing at one of the paths, or no image at any of them.
        DatasetError: if one is a data set that cannot be opened, or without that split.
    """

    def __init__(self, given: Sequence[str], split: str | None = None) -> None:
        self._places = [open_place(one, split) for one in given]
        self._passed_over: Counter[str] = Counter()
        counts = [place.count() for place in self._places]
        self.total = None if None in counts else sum(count for count in counts if count is not None)
        """How many there are, those that cannot be used among them; None if that shows only at the end."""
        if self.total == 0:
            raise RunError(
                f"there are no images in {listed(given, 3)}; in folders and tars, files are taken for images by the "
                "ending of their names, such as .jpg, .png or .webp"
            )

    def found(self) -> Iterator[Found]:
        """Yield the images, place by place."""
        for place in self._places:
            yield from place.images(self._passed_over)

    def notes(self) -> list[str]:
        """A sentence each on what was passed over."""
        files, links = self._passed_over["file"], self._passed_over["link"]
        notes = [f"{counted(files, 'file')} not named as an image passed over"] if files else []
        if links:
            notes.append(
                f"{counted(links, 'link')} not named as an image passed over; links to folders are not followed"
            )
        return notes
