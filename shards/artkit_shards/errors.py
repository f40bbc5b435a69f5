"""The errors of the data layer: each says what was given, the rule it breaks and what to do.

ShardsError
├── ConvertError   a conversion that cannot start or go on; nothing that was complete is touched
├── DatasetError   a folder that is not a data set, or one whose files disagree with its manifest
├── ImageError     bytes that are not an image which can be used; its text is a short reason, such as "truncated"
└── SampleError    one sample that cannot be read or decoded; has `.shard` and `.key`
"""

import errno
from typing import TypeGuard

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether the system refused to write for lack of space or quota, which is nobody's fault."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


class ShardsError(Exception):
    """Base of every error of the data layer that a user can act on."""


class ConvertError(ShardsError):
    """A conversion that cannot start or go on."""


class DatasetError(ShardsError):
    """A data set that cannot be opened, or whose files disagree with its manifest."""


class ImageError(ShardsError):
    """Bytes that are not an image which can be used."""


class SampleError(ShardsError):
    """One sample that cannot be read or decoded.

    Attributes:
        shard: File name of the shard.
        key: Key of the sample in it.
    """

    def __init__(self, message: str, *, shard: str, key: str) -> None:
        super().__init__(message)
        self.shard = shard
        self.key = key
