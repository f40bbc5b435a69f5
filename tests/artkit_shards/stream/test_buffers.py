"""Memory of batches is used again, but never while anyone can still see it."""

import pytest

from artkit_shards.stream.buffers import Buffers

SHAPE = (2, 4, 4, 3)


def test_memory_that_was_let_go_of_is_used_again():
    buffers = Buffers()
    tensor = buffers.take(SHAPE)
    assert tensor.shape == SHAPE
    address = tensor.data_ptr()
    del tensor
    assert buffers.take((1, 4, 4, 3)).data_ptr() == address


@pytest.mark.parametrize(
    "hold",
    [
        pytest.param(lambda tensor: tensor, id="tensor"),
        pytest.param(lambda tensor: tensor[1:].permute(0, 3, 1, 2), id="view"),
        pytest.param(lambda tensor: tensor.numpy()[0], id="array"),
        pytest.param(lambda tensor: tensor.untyped_storage(), id="storage"),
    ],
)
def test_memory_that_is_held_is_left_alone(hold):
    buffers = Buffers()
    tensor = buffers.take(SHAPE)
    address, held = tensor.data_ptr(), hold(tensor)
    del tensor
    assert buffers.take(SHAPE).data_ptr() != address
    del held
    assert buffers.take(SHAPE).data_ptr() == address


def test_a_larger_batch_gets_memory_of_its_own():
    buffers = Buffers()
    buffers.take((1, 4, 4, 3))
    assert buffers.take(SHAPE).shape == SHAPE
