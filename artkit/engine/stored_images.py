"""The images behind stored answers: from the data set that they were about, wherever it lies now."""

from collections.abc import Callable, Sequence

from artkit.engine.answers import GetImage, StoredAnswers
from artkit.errors import RunError
from artkit_shards import Dataset, ShardsError, demo_path, fit_image, open_dataset

_ADVICE = "name its folder with --data FOLDER, or draw without pictures: --no-pictures"


def images_of(stored: Sequence[StoredAnswers], data: str | None) -> Callable[[StoredAnswers], GetImage] | None:
    """Open the data set of answers.

    Args:
        stored: Answers about one data set.
        data: Where it is; None: where it was.

    Returns:
        What gives the images of answers; None without answers, which have none.

    Raises:
        RunError: if the data set is not there, or is another one.
    """
    if not stored:
        return None
    dataset = _open(stored[0], data)

    def of(answers: StoredAnswers) -> GetImage:
        split = dataset.split(answers.split)
        row_of = {key: row for row, key in enumerate(split.keys)}
        return lambda row, size: fit_image(split.read(row_of[answers.keys[row]]), size)

    return of


def _open(answers: StoredAnswers, data: str | None) -> Dataset:
    place = answers.data_path if data is None else data
    try:
        dataset = open_dataset(place)
    except ShardsError as error:
        # The bundled data set lies where artkit is installed, which may be elsewhere than it was.
        demo = open_dataset(demo_path())
        if data is None and demo.fingerprint == answers.fingerprint:
            return demo
        raise RunError(f"the data set of the answers cannot be opened: {error}\n  If it was moved, {_ADVICE}") from None
    if dataset.fingerprint != answers.fingerprint:
        raise RunError(f"{place} does not hold the images that the answers are about; {_ADVICE}")
    return dataset
