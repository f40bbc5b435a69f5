"""One plugin loaded alone, so that a test sees no other one, not even the built-ins."""

from pathlib import Path
from types import ModuleType

from artkit.errors import PluginError
from artkit.registry import PluginInfo, Registry, load_object, load_registry


def load_plugin(plugin: ModuleType | Path | str) -> Registry:
    """A registry with the components of one plugin.

    Args:
        plugin: An imported module, or the path of a Python file.

    Raises:
        RecipeError: if the file is not there.
        PluginError: if the plugin cannot be loaded, with the cause and the line of its file.
    """
    if not isinstance(plugin, ModuleType):
        return load_registry([plugin], entry_points=False)
    loaded = load_object(PluginInfo(name=plugin.__name__, origin=str(plugin.__file__)), plugin)
    if loaded.failure:
        text = f"the plugin {plugin.__name__} could not be loaded: {loaded.failure.text}"
        raise PluginError(text, plugin=plugin.__name__) from loaded.failure.error
    return Registry((loaded,))
