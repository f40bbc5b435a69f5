"""The store that a path or an address stands for."""

from pathlib import Path

from artkit_shards.conversion.stores.local_store import LocalStore
from artkit_shards.conversion.stores.store import Store
from artkit_shards.conversion.stores.url_store import UrlStore, check_writable
from artkit_shards.errors import ConvertError, DatasetError
from artkit_shards.format.addresses import is_address, local_path, parse_address


def open_store(location: Path | str) -> Store:
    """The store at a path or address; nothing is written or looked at.

    Raises:
        ConvertError: if the address is none that can be written to.
    """
    if isinstance(location, Path) or not is_address(location):
        return LocalStore(Path(location))
    try:
        address = parse_address(location)
    except DatasetError as error:
        raise ConvertError(str(error)) from error
    folder = local_path(address)
    if folder is not None:
        return LocalStore(folder)
    check_writable(address)
    return UrlStore(address)
