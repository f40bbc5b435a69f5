"""Images that an epoch repeats: their bytes are fetched once and kept in memory, so that repeats cost no network.

Such images are few or small: the plan chooses them within a budget of bytes, see `artkit_shards.stream.windows`.
"""

import threading
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from artkit_shards.errors import DatasetError
from artkit_shards.format.interest import UnwantedError, check_wanted, result_of
from artkit_shards.format.reading import PinnedImage, Place


class PinnedImages:
    """Bytes of images by the place where they lie. Thread-safe.

    Args:
        fetch: Gets the bytes at a place, of a size; called once for each image, unless it fails.
        name: Says where a place is, for messages.
    """

    def __init__(self, fetch: Callable[[Place, int], bytes], name: Callable[[Place], str]) -> None:
        self._fetch = fetch
        self._name = name
        self._lock = threading.Lock()
        self._wanted: Mapping[Place, PinnedImage] = {}
        self._images: dict[Place, Future[bytes]] = {}

    def want(self, images: Mapping[Place, PinnedImage]) -> None:
        """Keep these images from now on, and no others; the bytes of those that stay are kept."""
        with self._lock:
            self._wanted = images
            self._images = {place: image for place, image in self._images.items() if place in images}

    def read(self, place: Place) -> bytes | None:
        """The bytes of an image, fetched unless they are there; threads wait for one that is being fetched.

        Returns:
            None if it is not wanted.

        Raises:
            DatasetError: if it cannot be fetched, or is not what the index says.
        """
        wanted = self._wanted.get(place)
        if wanted is None:
            return None
        while True:
            with self._lock:
                image = self._images.get(place)
                missing = image is None
                if image is None:
                    image = self._images[place] = Future()
            if missing:
                self._fill(image, place, wanted)
                return image.result()
            try:
                return result_of(image)
            except UnwantedError:
                # The thread that fetched it gave up; this one goes on unless it shall, too.
                check_wanted()

    def _fill(self, image: "Future[bytes]", place: Place, wanted: PinnedImage) -> None:
        try:
            data = self._fetch(place, wanted.size)
            if zlib.crc32(data) != wanted.crc32:
                raise DatasetError(
                    f"{self._name(place)} holds another image at byte {place[1]} than the index says (crc32 "
                    f"{zlib.crc32(data)}, {wanted.crc32} expected): it was changed there; upload the whole data set "
                    "again"
                )
        except BaseException as error:
            with self._lock:
                self._images.pop(place, None)
            image.set_exception(error)
        else:
            image.set_result(data)
