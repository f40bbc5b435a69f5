"""Workers on a Ray cluster (Moritz et al. 2018): the same jobs as on one machine, on whatever nodes there are.

Ray starts a job again if its node is lost. Jobs are pure functions of what they are given, and shards are whole or not
there, so it does no harm if one is done twice. Every node must have artkit installed and see images and data set under
the same paths: on a file system that all share, or at addresses.
"""

import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from artkit_shards.conversion.reading import is_far
from artkit_shards.conversion.records import FilePart, ImageSource, Record
from artkit_shards.conversion.stores.store import Store
from artkit_shards.conversion.workers import Workers
from artkit_shards.errors import ConvertError
from artkit_shards.format.addresses import is_address
from artkit_shards.format.manifest import FOLDER

Job = TypeVar("Job")
Result = TypeVar("Result")

_JOBS_PER_CPU: Final = 2
_PATIENCE_S: Final = 10.0
_DEFAULT_PORTS: Final = {"ray": 10001}
_RETRIES: Final = 5
"""So many times a job is started again when its node or process is lost."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error of a job, handed back as a value: Ray would wrap it in an error of its own, and print it."""

    error: Exception


class _Cluster:
    def __init__(self, ray: Any, most_jobs: int) -> None:
        self._ray = ray
        self._most_jobs = most_jobs
        self._task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_attempt)

    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job], /) -> Iterator[Result]:
        """See `Workers.map`."""
        waiting = iter(jobs)
        tasks: deque[Any] = deque()
        try:
            tasks.extend(self._task.remote(function, job) for job in islice(waiting, self._most_jobs))
            while tasks:
                yield self._result(tasks[0])
                tasks.popleft()
                tasks.extend(self._task.remote(function, job) for job in islice(waiting, 1))
        finally:
            for task in tasks:
                self._ray.cancel(task, force=True)

    def _result(self, task: Any) -> Any:
        try:
            result = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().partition("\n")[0]
            raise ConvertError(
                f"the cluster lost a job {_RETRIES + 1} times, the last time because: {reason}; "
                "mend this and run the same command again, which goes on from here"
            ) from error
        if isinstance(result, _Failure):
            raise result.error
        return result


@contextmanager
def open_cluster(address: str, most_jobs: int | None = None) -> Iterator[Workers]:
    """Use a Ray cluster for the block.

    Args:
        address: "auto" for the one that this machine is part of, "ray://host:10001", or "host:6379".
        most_jobs: How many jobs to give it at a time; by default two for each CPU.

    Raises:
        ConvertError: if Ray is not installed, or no cluster answers.
    """
    ray = _import_ray()
    ours = not ray.is_initialized()
    if ours:
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ConvertError(
                f"no Ray cluster can be reached at {address!r}: {reason}; start one with `ray start --head`, or give "
                "the address of one that runs, such as ray://host:10001"
            ) from error
    try:
        num_cpus = int(ray.cluster_resources().get("CPU", 0))
        if num_cpus < 1:
            raise ConvertError(f"the Ray cluster at {address!r} has no CPU to offer; add a node to it")
        yield _Cluster(ray, most_jobs or _JOBS_PER_CPU * num_cpus)
    finally:
        if ours:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError or ValueError if nothing listens at an address: Ray would go on trying for many minutes."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if parts.hostname and port:
        socket.create_connection((parts.hostname, port), timeout=_PATIENCE_S).close()


def absolute_location(location: Path | str) -> Path | str:
    """Where a data set is, in terms that mean the same on every node."""
    return location if not isinstance(location, Path) and is_address(location) else Path(location).absolute()


def absolute(record: Record) -> Record:
    """A record that means the same on every node."""
    image = record.image
    if isinstance(image, Path):
        return replace(record, image=image.absolute())
    if isinstance(image, FilePart) and not is_far(image):
        return replace(record, image=replace(image, path=Path(image.path).absolute()))
    return record


def check_nodes(listing: Sequence[Record], store: Store) -> None:
    """See that all nodes of the cluster in use see the same files.

    Args:
        listing: The images, of which the first that this machine sees is looked for.
        store: Where the data set will be.

    Raises:
        ConvertError: if a node does not, naming it and what it does not see.
    """
    ray = _import_ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    local = (path for record in listing if (path := _local_path(record.image)) is not None)
    image = next((path for path in local if path.exists()), None)
    probe = f"{FOLDER}/tmp/probe-{secrets.token_hex(4)}"
    store.write(probe, probe.encode(), durable=False)
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    look = ray.remote(num_cpus=0)(_not_seen)
    tasks = [
        look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            image, store, probe
        )
        for node in nodes
    ]
    try:
        for node, task in zip(nodes, tasks, strict=True):
            missing = _answer(ray, task)
            if missing is not None:
                raise ConvertError(
                    f"the node {node['NodeManagerAddress']} does not see {missing}; give folders that all nodes of the "
                    "cluster share, under the same path, or addresses such as s3://bucket/folder"
                )
    finally:
        store.remove(probe)


def _answer(ray: Any, task: Any) -> Path | str | None:
    """What a node does not see; None also for a node that was lost meanwhile."""
    try:
        missing: Path | str | None = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConvertError(
            f"the nodes of the cluster cannot run artkit: {reason}; install the same version of artkit on all of them"
        ) from error
    except ray.exceptions.RayError:
        return None
    return missing


def _attempt(function: Callable[[Job], Result], job: Job) -> Result | _Failure:
    try:
        return function(job)
    except Exception as error:
        return _Failure(error)


def _not_seen(image: Path | None, store: Store, probe: str) -> Path | str | None:
    """What this node does not see of an image and a file of the store."""
    if image is not None and not image.exists():
        return image
    return None if store.size(probe) == len(probe) else store.location


def _local_path(source: ImageSource) -> Path | None:
    if is_far(source) or isinstance(source, bytes):
        return None
    return Path(source.path if isinstance(source, FilePart) else source)


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConvertError("a conversion on a cluster needs Ray; install it with: pip install 'artkit[ray]'") from error
    return ray
