"""How this process was started: alone, or by torchrun as one of several ranks; as the environment says."""

import os


def num_ranks() -> int:
    """Ranks that were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_rank() -> bool:
    """Whether this is the rank that talks to the user."""
    return num_ranks() == 1 or os.environ.get("RANK", "0") == "0"
