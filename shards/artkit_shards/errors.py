"""The errors of the data layer: each says what was given, the rule it breaks and what to do.

ShardsError
├── ConvertError   a conversion that cannot start or go on; nothing that was complete is touched
├── DatasetError   a folder that is not a data set, or one whose files disagree with its manifest
│   └── TarError   a tar file that is damaged or holds what no shard may hold; has `.shard` and `.position`
├── ImageError     bytes that are not an image which can be used; its text is a short reason, such as "truncated"
│   └── TooManyPixelsError   an image that is larger than is allowed; has `.width` and `.height`
├── SampleError    one sample that cannot be read or decoded; has `.shard` and `.key`
└── StateError     the state of a loader that belongs to another plan, or is none
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


class TarError(DatasetError):
    """A tar file that is damaged, or that holds what no shard may hold.

    Attributes:
        shard: File name of the tar.
        position: The byte at which reading stopped.
        fault: What is wrong there.
    """

    def __init__(self, shard: str, position: int, fault: str) -> None:
        super().__init__(f"{shard} cannot be read at byte {position}: {fault}")
        self.shard = shard
        self.position = position
        self.fault = fault


class ImageError(ShardsError):
    """Bytes that are not an image which can be used."""


class TooManyPixelsError(ImageError):
    """An image that is larger than is allowed, by its header.

    Attributes:
        width: In pixels, as stored; so is `height`.
        height: See `width`.
    """

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)  # what it is made of again in another process
        self.width = width
        self.height = height

    def __str__(self) -> str:
        return f"too many pixels: {self.width}x{self.height}"


class SampleError(ShardsError):
    """One sample that cannot be read or decoded.

    Attributes:
        shard: File name of the shard.
        key: Key of the sample in it.
        fault: What is wrong with it, without whose fault it is and what to do.
    """

    def __init__(self, message: str, *, shard: str, key: str, fault: str) -> None:
        super().__init__(message)
        self.shard = shard
        self.key = key
        self.fault = fault


class StateError(ShardsError):
    """The state of a loader that belongs to another plan, is damaged, or is none at all.

    Attributes:
        fault: What is wrong with it, without what to do.
    """

    def __init__(self, fault: str, advice: str) -> None:
        super().__init__(f"{fault}; {advice}")
        self.fault = fault
