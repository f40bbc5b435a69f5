"""A model in parts: each rank holds a part of every parameter and of what the optimizer keeps for it.

Rajbhandari et al. 2020, "ZeRO", stage 3; as `fully_shard` of PyTorch does it. A stage is put together just before it
computes. Checkpoints hold whole tensors, so they are the same files for any number of ranks.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from artkit.engine.ranks.group import Ranks
from artkit.engine.structure import StructureError, find_structure


def shard_model(model: nn.Module, num_outputs: int, device: torch.device, ranks: Ranks) -> None:
    """Leave of a model, on each rank, its part alone; its stages are put together and taken apart one by one.

    Args:
        model: On the CPU; changed in place.
        num_outputs: Number of logits, K.
        device: Where the parts go.
        ranks: That share the model.
    """
    ranks.spread([*model.parameters(), *model.buffers()])
    mesh = init_device_mesh(device.type, (ranks.world_size,))
    for module in _stage_modules(model, num_outputs):
        fully_shard(module, mesh=mesh, reshard_after_forward=True)
    # Kept whole after a forward pass, the rest would be judged with weights that are exchanged meanwhile.
    fully_shard(model, mesh=mesh, reshard_after_forward=True)


def _stage_modules(model: nn.Module, num_outputs: int) -> list[nn.Module]:
    """Modules with parameters that make up the stages of a model; none if its stages are not known."""
    try:
        structure = find_structure(model, num_outputs)
    except StructureError:
        return []
    modules = [module for stage in range(len(structure.stages)) for module in structure.modules(stage)]
    return [module for module in modules if any(True for _ in module.parameters())]


def whole(state: Any) -> Any:
    """A nested state with every tensor in one piece; to be called by all ranks."""
    if isinstance(state, DTensor):
        return state.full_tensor()
    if isinstance(state, Mapping):
        return {name: whole(value) for name, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [whole(value) for value in state]
    return state


def part_of(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor as another one is: the part of this rank, if that is in parts."""
    if not isinstance(like, DTensor):
        return tensor
    on_device = tensor.to(like.device_mesh.device_type)
    return distribute_tensor(on_device, like.device_mesh, like.placements, src_data_rank=None)


def own_part(tensor: Tensor) -> Tensor:
    """The values of a tensor that this rank holds; they share its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a model, in parts or not, weights that are whole.

    Raises:
        RuntimeError: if they do not fit.
    """
    own = model.state_dict()
    model.load_state_dict(
        {name: part_of(value, own[name]) if name in own else value for name, value in weights.items()}
    )
