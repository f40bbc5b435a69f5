"""What is installed, by its metadata: nothing is imported for it."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(dist: str) -> str | None:
    """The version of a distribution; None if it is not installed."""
    try:
        return version(dist)
    except PackageNotFoundError:
        return None
