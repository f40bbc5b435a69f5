"""What differs between a run that was, and one that is to be like it: plugins, versions, options, data."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from artkit.engine.assembly import Assembly
from artkit.engine.machine import machine_facts, version_facts
from artkit.engine.resumption import changed_options, decisive_part

_ORIGIN: Final = {"version": "version", "commit": "commit", "sha256": "source (sha256)"}
_SHOWN: Final = 12
"""Characters of a commit or digest that are told."""


def drift_notes(run: Path, facts: Mapping[str, Any], assembly: Assembly) -> Iterator[str]:
    """A line for each thing that differs, or one that says that nothing does.

    Args:
        run: The folder of the run that was.
        facts: What its run.json holds.
        assembly: The run that is about to begin.
    """
    rows = [choice.provenance for choice in assembly.recipe.choices]
    differences = [
        *changed_plugins(facts.get("provenance", ()), rows),
        *_changed_versions(facts.get("versions", {}), facts.get("machine", {}), assembly),
        *_changed_options(facts["recipe"], decisive_part(assembly.recipe)),
        *_changed_data(facts["data"], assembly),
    ]
    for difference in differences:
        yield f"since {run}: {difference}"
    if not differences:
        yield f"nothing has changed since {run}: plugins, versions, options and data are the same"


def changed_plugins(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each fact of a plugin that differs, such as its version.

    Each plugin is looked at once, whatever it provides; what another plugin provides now shows among the options.

    Args:
        before: What the record of a run says of its components; see `provenance_of`.
        now: The same of components that are in use.
    """
    owners = {_owner(row): row for row in now}
    for owner in dict.fromkeys(map(_owner, before)):
        for fact, name in _ORIGIN.items() if owner in owners else ():
            was, found = {row.get(fact) for row in before if _owner(row) == owner}, owners[owner][fact]
            # Earlier records have a digest for the file of each component: none of them is that of the plugin.
            if len(was) == 1 and was != {found}:
                yield f"{owner}: its {name} was {_short(*was)}, is {_short(found)}"


def _owner(row: Mapping[str, Any]) -> str:
    return str(row["component"]).rpartition("/")[0]


def _short(value: object) -> str:
    return str(value)[:_SHOWN] if value else "unknown"


def _changed_versions(versions: Mapping[str, str], machine: Mapping[str, Any], assembly: Assembly) -> Iterator[str]:
    for name, now in version_facts().items():
        if name != "artkit" and versions.get(name) != now:  # artkit is among the plugins
            yield f"{name} was {versions.get(name, 'unknown')}, is {now}"
    for name, now in machine_facts(assembly.device).items():
        if name in ("device", "gpu") and machine.get(name) != now:
            yield f"the {name} was {machine.get(name)}, is {now}"


def _changed_options(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in changed_options(before, now):
        yield f"{name} was {before.get(name, 'not there')}, is {now.get(name, 'not there')}"


def _changed_data(before: Mapping[str, Any], assembly: Assembly) -> Iterator[str]:
    dataset = assembly.dataset
    if dataset.fingerprint == before["fingerprint"]:
        return
    was = before["targets"][0]
    sizes = {split: size for split, size in assembly.split_sizes.items() if before["split_sizes"].get(split) != size}
    details = [f"{split} had {before['split_sizes'].get(split, 0)} images, has {size}" for split, size in sizes.items()]
    details += _changed_classes(was["class_names"], dataset.targets.get(was["name"], ()))
    yield f"the data set {dataset.path} has other content{': ' if details else ''}{'; '.join(details)}"


def _changed_classes(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    for what, names in (("new", set(now) - set(before)), ("gone", set(before) - set(now))):
        if names:
            yield f"{what}: {', '.join(sorted(names))}"
