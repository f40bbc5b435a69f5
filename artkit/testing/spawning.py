"""Building components in another process, as ranks do: once for all components of a plugin.

What is sent there is names and options, never objects. Run as a program, this module is the other process:

    python -m artkit.testing.spawning REQUEST.json ANSWER.json
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from artkit.contracts import Kind
from artkit.registry.failure import raised_text
from artkit.testing.contexts import context_for
from artkit.testing.subject import PluginSubject, Subject, image_sizes, source_root
from artkit.testing.target import open_targets


def child_environment() -> dict[str, str]:
    """The environment for a process that finds the same modules as this one."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        "OMP_NUM_THREADS": "1",
    }


def spawn_faults(plugin: PluginSubject) -> dict[str, str]:
    """Why each component of a plugin cannot be built in a new process, by id; "" if it can."""
    folder = plugin.new_folder()
    subjects = [subject for subject in plugin.subjects if not subject.lacking]
    request = {"target": _name_of(plugin), "cases": [_case(subject) for subject in subjects]}
    (folder / "request.json").write_text(json.dumps(request))
    command = [sys.executable, "-m", "artkit.testing.spawning", "request.json", "answer.json"]
    done = subprocess.run(command, cwd=folder, env=child_environment(), capture_output=True, text=True, check=False)
    answer = folder / "answer.json"
    faults = json.loads(answer.read_text()) if answer.is_file() else {}
    last_words = "".join(done.stderr.strip().splitlines()[-1:])
    ended = f"the process ended with exit code {done.returncode}: {last_words}"
    return {subject.id: faults.get(subject.id, ended) for subject in subjects}


def _name_of(plugin: PluginSubject) -> list[str]:
    """What `find_targets` finds the plugin by, and its own name among what is found."""
    info = plugin.target.plugin.info
    return [str(info.file.resolve()) if info.file else info.dist or info.name, info.name]


def _case(subject: Subject) -> dict[str, Any]:
    folder = subject.share(source_root) if subject.kind == "source" else subject.owner.new_folder()
    return {
        "id": subject.id,
        "kind": subject.kind,
        "name": f"{subject.component.name}@{subject.component.version}",
        "options": subject.plain_options,
        "folder": str(folder),
        "changes": {"image_size": subject.share(image_sizes)[0]} if subject.kind == "model" else {},
    }


def _build_all(request: dict[str, Any]) -> dict[str, str]:
    from artkit.registry import Registry

    name, own = request["target"]
    registry = Registry(tuple(target.plugin for target in open_targets(name) if target.plugin.info.name == own))
    return {case["id"]: _build(registry, case) for case in request["cases"]}


def _build(registry: Any, case: dict[str, Any]) -> str:
    kind: Kind = case["kind"]
    try:
        component = registry.component(kind, case["name"])
        component.build(context_for(kind, Path(case["folder"]), **case["changes"]), case["options"])
    except Exception as error:
        return raised_text(error)
    return ""


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(_build_all(json.loads(Path(sys.argv[1]).read_text()))))
