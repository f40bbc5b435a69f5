"""What headers do not tell: images are decoded after all where that is needed, even if headers are trusted.

Images that must be written anew would be decoded anyway; it is done first, so that bad ones are known before anything
is decided. And the statistics of the pixels need some images of the training split.
"""

from collections.abc import Callable, Sequence

from artkit_shards.conversion.inspection import Inspection, Pixels
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.storage import choose_suffix, reasons_to_encode
from artkit_shards.errors import ConvertError

Finding = Inspection | str
Decode = Callable[[Sequence[Record]], Sequence[Finding]]
"""Inspects images in full, in order."""


def decode_rewritten(
    listing: Sequence[Record], findings: Sequence[Finding], settings: Settings, decode: Decode
) -> list[Finding]:
    """Inspect in full what was not, and will not be kept as it is.

    Args:
        listing: All images.
        findings: What was found in each.
        settings: Which tell what must be written anew.
        decode: Inspects.

    Returns:
        What was found in each.
    """
    found = [finding for finding in findings if isinstance(finding, Inspection)]
    suffix = choose_suffix(found, settings.image_format)
    rows = [
        row
        for row, finding in enumerate(findings)
        if isinstance(finding, Inspection)
        and finding.pixels is None
        and reasons_to_encode(finding, suffix, settings.max_side)
    ]
    complete = list(findings)
    if rows:
        for row, finding in zip(rows, decode([listing[row] for row in rows]), strict=True):
            complete[row] = finding
    return complete


def measure_pixels(records: Sequence[Record], decode: Decode) -> list[Pixels]:
    """The pixels of images of which the header alone was read; damaged ones are passed over.

    Raises:
        ConvertError: if all are damaged.
    """
    findings = decode(records) if records else []
    measured = [finding.pixels for finding in findings if isinstance(finding, Inspection) and finding.pixels]
    if records and not measured:
        raise ConvertError(
            f"none of {len(records)} training images that were tried can be decoded, {records[0].file!r} first "
            f"({findings[0]}); check all of them with --verify full"
        )
    return measured
