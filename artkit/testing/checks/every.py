"""What every plugin and every component keeps, of whichever kind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from artkit.errors import RecipeError
from artkit.registry import Component, Plugin, PluginInfo, load_object
from artkit.registry.failure import raised_text
from artkit.testing import import_probe
from artkit.testing.check import NotApplicable, check, fail, require
from artkit.testing.observing import Observation, fixed_generators, observed
from artkit.testing.spawning import child_environment, spawn_faults
from artkit.testing.subject import PluginSubject, Subject
from artkit_shards.errors import ShardsError

_MOST_CPU_MS: Final = 100.0
_MOST_WALL_MS: Final = 1000.0
_ATTEMPTS: Final = 3


@check(None, scope="plugin")
def loads(plugin: PluginSubject) -> None:
    """A plugin loads: known hooks without defaults, legal names, options with types, and defaults within bounds."""
    failure = plugin.target.plugin.failure
    if failure is not None:
        fail(failure.text)
    require(plugin.target.plugin.components, "it registers no component; mark its hooks with @hookimpl")


@check(None, scope="plugin")
def light_import(plugin: PluginSubject) -> None:
    """A plugin's module imports no large package such as torch; that is done inside the factories."""
    heavy = plugin.share(_import_facts)["heavy"]
    if heavy:
        fail("; ".join(f"{name} is imported by {place}" for name, place in heavy.items()))


@check(None, scope="plugin")
def fast_import(plugin: PluginSubject) -> str:
    """A plugin is imported within 100 ms, and does not wait for anything."""
    facts = plugin.share(_import_facts)
    if facts["heavy"]:
        raise NotApplicable("it imports large packages; see light_import")
    attempts = [facts]
    while _is_slow(attempts[-1]) and len(attempts) < _ATTEMPTS:
        attempts.append(_import_facts(plugin))
    cpu, wall = (min(one[key] for one in attempts) for key in ("cpu_ms", "wall_ms"))
    if _is_slow(attempts[-1]):
        fail(f"importing it took {cpu:.0f} ms of computing, {wall:.0f} ms in all")
    return f"{cpu:.0f} ms"


@check(None, scope="plugin")
def quiet_import(plugin: PluginSubject) -> None:
    """Importing a plugin prints nothing, warns of nothing and changes nothing of the process."""
    facts = plugin.share(_import_facts)
    found = [*facts["warned"], *(f"it changes {what}" for what in facts["changed"])]
    found += [f"it prints {facts['printed'].strip()!r}"] if facts["printed"] else []
    require(not found, "; ".join(found))


@check(None, scope="plugin")
def registers_again(plugin: PluginSubject) -> None:
    """Registering twice gives the same components, since every rank and worker loads the plugin anew."""
    target = plugin.target
    first, again = target.plugin, load_object(target.plugin.info, target.module)
    if again.failure:
        fail(f"the second time it fails: {again.failure.text}")
    added = _descriptions(again) - _descriptions(first)
    missing = _descriptions(first) - _descriptions(again)
    require(not added and not missing, f"the second time it registers {_names(added)} in place of {_names(missing)}")


@check(None, scope="plugin")
def requirements(plugin: PluginSubject) -> None:
    """A package bounds artkit from above, such as artkit>=1.2,<2, and leaves torch to the user, whose build it is."""
    lines = _requirements(plugin.target.plugin.info, plugin)
    artkits = [line for line in lines if canonicalize_name(line.name) == "artkit"]
    require(artkits, "it does not require artkit")
    if not any(_bounds_above(line) for line in artkits):
        fail(f"'{artkits[0]}' would take any later artkit too")
    pins = [str(line) for line in lines if line.name in ("torch", "torchvision") and _bounds_above(line)]
    require(not pins, f"it pins {' and '.join(pins)}")


@check(None, scope="component")
def documented(subject: Subject) -> None:
    """A factory has a docstring, and each of its options a line of help: Annotated[int, Doc("...")]."""
    require(subject.component.summary, f"the factory at {subject.component.place} has no docstring")
    lacking = [option.name for option in subject.component.options if not option.help]
    require(not lacking, f"no help for {', '.join(lacking)}")


@check(None, needs_build=False)
def builds(subject: Subject) -> None:
    """A factory builds its component with the options of the case, or its defaults."""
    if subject.lack:
        raise NotApplicable(subject.lack)
    error = subject.share(build_error)
    if subject.kind == "source" and not subject.has_own_root and isinstance(error, RecipeError | ShardsError):
        raise NotApplicable(f"it does not read class folders ({error}); give it others in roots")
    if error is not None:
        fail(raised_text(error))


@check(None)
def prints_nothing(subject: Subject) -> None:
    """A factory prints nothing: what users should know, reporters and errors tell."""
    printed = subject.share(_observation).printed
    require(not printed, f"it prints {printed.strip()[:200]!r}")


@check(None)
def warns_nothing(subject: Subject) -> None:
    """A factory raises no warning."""
    require(not subject.share(_observation).warned, "; ".join(subject.share(_observation).warned))


@check(None)
def process_untouched(subject: Subject) -> None:
    """A factory leaves the process as it is: random numbers, working directory and its files, default dtype, threads.

    Random numbers of torch are for the weights of models, which the core seeds.
    """
    seen = subject.share(_observation)
    require(not seen.written, f"it writes into the working directory: {', '.join(seen.written)}")
    changed = seen.changed
    if subject.kind == "model":
        changed = [what for what in changed if "of torch" not in what]
        if subject.share(_seeds_torch):
            changed.append("the seed of torch, which the core sets")
    require(not changed, f"it changes {' and '.join(changed)}")


@check(None)
def spawns(subject: Subject) -> None:
    """A component can be built in a new process, from its name and options alone."""
    fault = subject.owner.share(spawn_faults)[subject.id]
    require(not fault, fault)


def build_error(subject: Subject) -> BaseException | None:
    """What building raises, or None."""
    try:
        subject.share(_observation)
    except Exception as error:
        return error
    return None


def _observation(subject: Subject) -> Observation:
    with observed():
        subject.build()  # what libraries do when they are first imported is not the factory's doing
    with observed() as seen:
        subject.build()
    seen.written = sorted(os.listdir())  # of the check, and empty before
    return seen


def _seeds_torch(subject: Subject) -> bool:
    """Whether torch's random numbers go on alike after builds that began with different seeds."""
    import torch

    states = []
    for seed in (1, 2):
        with fixed_generators(seed):
            subject.build()
            states.append(torch.get_rng_state())
    return torch.equal(*states)


def _import_facts(plugin: PluginSubject) -> dict[str, Any]:
    """What a process of its own tells of importing the plugin; see `import_probe`."""
    command = [sys.executable, "-P", str(Path(import_probe.__file__)), plugin.target.import_name]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"in a new process: {done.stderr.strip().splitlines()[-1]}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def _is_slow(facts: dict[str, Any]) -> bool:
    return bool(facts["cpu_ms"] > _MOST_CPU_MS or facts["wall_ms"] > _MOST_WALL_MS)


def _descriptions(plugin: Plugin) -> set[str]:
    return {_describe(component) for component in plugin.components}


def _describe(component: Component) -> str:
    return f"{component.kind} {component.full_name} ({component.options.describe()})"


def _names(descriptions: set[str]) -> str:
    return ", ".join(sorted(text.partition(" (")[0] for text in descriptions)) or "nothing"


def _requirements(info: PluginInfo, plugin: PluginSubject) -> list[Requirement]:
    if info.is_builtin:
        raise NotApplicable("it comes with artkit")
    dist = getattr(plugin.target.found.target, "dist", None)
    if dist is None:
        raise NotApplicable("it is no installed package")
    found = []
    for line in dist.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            fail(f"the requirement {line!r} cannot be read")
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.append(requirement)
    return found


def _bounds_above(requirement: Requirement) -> bool:
    return any(part.operator in ("<", "<=", "==", "===", "~=") for part in requirement.specifier)
