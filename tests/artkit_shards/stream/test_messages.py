"""What a loader and its process say to each other arrives as it was said."""

import numpy as np
import pytest

from artkit_shards import ImageError, RandomResizedCrop, SampleError
from artkit_shards.stream.messages import (
    pack_answer,
    pack_bad,
    pack_failure,
    pack_settings,
    pack_span,
    unpack_answer,
    unpack_bad,
    unpack_settings,
    unpack_span,
)
from artkit_shards.stream.pixels import PixelSettings, Span


@pytest.mark.parametrize("crop", [None, RandomResizedCrop((0.2, 0.7))])
def test_settings_arrive_whole(crop):
    settings = PixelSettings(size=32, fit="squash", crop=crop, seed=2**70, cached=True)
    assert unpack_settings(unpack_answer(pack_answer(**pack_settings(settings)))) == settings


def test_spans_arrive_whole():
    span = Span(epoch=3, index=2**40, positions=np.array([5, 6]), rows=np.array([2**33, 0]))
    arrived = unpack_span(pack_span(span))
    assert (arrived.epoch, arrived.index) == (3, 2**40)
    assert (arrived.positions == span.positions).all()
    assert (arrived.rows == span.rows).all()


def test_errors_of_samples_arrive_with_type_text_and_names():
    gone = SampleError("sample 1 of a.tar is gone; copy it", shard="a.tar", key="1", fault="is gone")
    bad = [(2, ImageError("truncated")), (7, gone)]
    (place, image_error), (_, sample_error) = unpack_bad(unpack_answer(pack_answer(bad=pack_bad(bad)))["bad"])
    assert (place, type(image_error), str(image_error)) == (2, ImageError, "truncated")
    assert str(sample_error) == "sample 1 of a.tar is gone; copy it"
    assert (sample_error.shard, sample_error.key, sample_error.fault) == ("a.tar", "1", "is gone")


def test_any_other_error_arrives_with_type_text_and_place():
    try:
        raise KeyError("lost")
    except KeyError as error:
        packed = pack_failure(error)
    with pytest.raises(RuntimeError, match="the loader's process failed: KeyError: 'lost'") as caught:
        unpack_answer(packed)
    assert "test_messages.py" in caught.value.__notes__[0]
