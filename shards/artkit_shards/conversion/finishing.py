"""Writing all shards of a plan: what an earlier conversion has finished is taken over, the rest is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from artkit_shards.conversion.augmenting import ImageAugmenter
from artkit_shards.conversion.plan import Plan
from artkit_shards.conversion.resuming.kept_inspections import State
from artkit_shards.conversion.resuming.kept_shards import KeptShards, fingerprint_of
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.settling import Settling
from artkit_shards.conversion.stores.store import Store
from artkit_shards.conversion.workers import Workers
from artkit_shards.conversion.writing import ShardJob, WrittenShard, finish_shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """All shards of a plan."""

    shards: Mapping[str, WrittenShard]
    """By name."""
    num_taken_over: int
    """Shards that an earlier conversion had finished."""


def shard_jobs(
    plan: Plan, settings: Settings, store: Store, augmenter: ImageAugmenter | None, *, settle: bool
) -> list[ShardJob]:
    """A job for each shard, in order; see `ShardJob`."""
    return [
        ShardJob(
            shard=shard,
            store=store,
            suffix=plan.suffix,
            targets=plan.targets,
            max_side=settings.max_side,
            quality=settings.quality,
            augmenter=augmenter if any(sample.copy for sample in shard.samples) else None,
            settle=settle,
        )
        for shards in plan.shards.values()
        for shard in shards
    ]


def finish_shards(
    jobs: list[ShardJob],
    states: Mapping[str, State | None],
    kept: KeptShards,
    pool: Workers,
    settling: Settling,
    told: Callable[[int, int], None],
) -> Finished:
    """Write every shard that is not there yet.

    Args:
        jobs: All shards.
        states: What each file was when it was inspected.
        kept: Shards of an earlier conversion; gets those that are finished now.
        pool: Who writes.
        settling: Sees them onto the disk.
        told: Called with the number of images, and how many are done.
    """
    fingerprints = [fingerprint_of(job, states) for job in jobs]
    known = (
        replace(job, finished=kept.find(job.shard.name, fingerprint))
        for job, fingerprint in zip(jobs, fingerprints, strict=True)
    )
    written: dict[str, WrittenShard] = {}
    total = sum(len(job.shard.samples) for job in jobs)
    done = num_taken_over = 0
    told(total, done)
    for job, fingerprint, result in zip(jobs, fingerprints, pool.map(finish_shard, known), strict=True):
        shard = result.shard
        written[shard.name] = shard
        num_taken_over += result.was_there
        if not result.was_there:
            kept.add(shard, fingerprint)
        settling.add(shard.name)
        done += len(job.shard.samples)
        told(total, done)
    return Finished(shards=written, num_taken_over=num_taken_over)
