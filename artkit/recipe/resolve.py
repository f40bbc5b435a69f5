"""A laid-out recipe, resolved: every component found, every option checked and filled in."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from artkit.contracts import Kind
from artkit.errors import RecipeError
from artkit.kinds import SEVERAL, SINGLE
from artkit.options import absolute_text, to_plain
from artkit.recipe.layers import (
    DEMO,
    CommandLine,
    default_layer,
    lay_command_line,
    lay_over,
)
from artkit.recipe.retraining import check_retraining
from artkit.recipe.section_options import section_options
from artkit.recipe.sections import Layer
from artkit.recipe.settings import DataSettings, RetrainSettings, TrainSettings, UnknownSettings
from artkit.registry import Component, PluginSettings, Registry, provenance_of, shared_options
from artkit_shards import is_address, parse_address

SettingsT = TypeVar("SettingsT", DataSettings, TrainSettings, UnknownSettings, RetrainSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A component and the options it is built with."""

    component: Component
    options: Mapping[str, Any]
    """A checked value for each of its options."""
    shared: Mapping[str, Any]
    """The options that every component of its kind has, such as `p` of augmenters."""
    notes: tuple[str, ...] = ()
    """What to tell the user: that the component is deprecated, or that an option is called otherwise now."""

    def to_plain(self) -> dict[str, Any]:
        """The recipe's table for it, with paths in full."""
        return {"name": self.component.full_name, **self._plain_options}

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the component comes from, and what it is built with."""
        return provenance_of(self.component, self._plain_options)

    @property
    def _plain_options(self) -> dict[str, Any]:
        return dict(to_plain({**self.shared, **self.options}, absolute_text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a run, resolved."""

    plugins: PluginSettings
    data: DataSettings
    train: TrainSettings
    unknown: UnknownSettings
    model: Choice
    sampler: Choice
    loss: Choice
    optimizer: Choice
    schedule: Choice
    augmenters: tuple[Choice, ...]
    reporters: tuple[Choice, ...]
    retrain: RetrainSettings | None = None
    """None: all of the model learns."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Every component of the run."""
        single = (self.model, self.sampler, self.loss, self.optimizer, self.schedule)
        return (*single, *self.augmenters, *self.reporters)

    def to_plain(self) -> dict[str, Any]:
        """Plain values that TOML can hold; read as a recipe, they give this recipe again."""
        plugins = self.plugins.to_plain()
        plain: dict[str, Any] = {"plugins": plugins} if plugins else {}
        plain |= {"data": to_plain(asdict(self.data)), "train": asdict(self.train), "unknown": asdict(self.unknown)}
        plain |= {"retrain": asdict(self.retrain)} if self.retrain else {}
        plain |= {kind: getattr(self, kind).to_plain() for kind in SINGLE}
        plain |= {kind: [choice.to_plain() for choice in getattr(self, f"{kind}s")] for kind in SEVERAL}
        return dict(_with_words_for_none(plain))

    def to_toml(self) -> str:
        """The text of recipe.toml."""
        import tomli_w

        return tomli_w.dumps(self.to_plain())

    @property
    def components(self) -> dict[str, str]:
        """Kind -> who provides it, for people: "artkit/se-densenet@1 (artkit 0.1.0)"."""
        said: dict[str, str] = {kind: _provider(getattr(self, kind)) for kind in SINGLE}
        return said | {kind: ", ".join(map(_provider, getattr(self, f"{kind}s"))) for kind in SEVERAL}


def resolve_recipe(layer: Layer, command_line: CommandLine, registry: Registry) -> Recipe:
    """Lay defaults, a recipe and the command line over one another, and check everything.

    Args:
        layer: What `read_recipe_file` gave, or {}.
        command_line: What the command line says.
        registry: Where components are found.

    Raises:
        RecipeError: for the first component, option or value that cannot be used, saying why and what there is.
    """
    laid = lay_over(default_layer(), layer, registry)
    laid = lay_command_line(laid, command_line, registry)
    recipe = Recipe(
        plugins=PluginSettings.read(laid.get("plugins", ())).with_files_in(Path.cwd()),
        data=_absolute(_read_settings("data", DataSettings, laid)),
        train=_read_settings("train", TrainSettings, laid),
        unknown=_read_settings("unknown", UnknownSettings, laid),
        model=choose("model", laid["model"], registry),
        sampler=choose("sampler", laid["sampler"], registry),
        loss=choose("loss", laid["loss"], registry),
        optimizer=choose("optimizer", laid["optimizer"], registry),
        schedule=choose("schedule", laid["schedule"], registry),
        augmenters=tuple(choose("augmenter", entry, registry) for entry in laid.get("augmenter", ())),
        reporters=tuple(choose("reporter", entry, registry) for entry in laid.get("reporter", ())),
        retrain=_read_settings("retrain", RetrainSettings, laid) if "retrain" in laid else None,
    )
    if recipe.retrain is None:
        return recipe
    check_retraining(recipe, recipe.retrain)
    # Without views, images are not changed; the recipe must not say that they are.
    return recipe if recipe.retrain.views else replace(recipe, augmenters=())


def _absolute(data: DataSettings) -> DataSettings:
    if data.path == DEMO:
        return data
    if not data.path.strip():
        raise RecipeError("section [data]: the path is empty; give the folder of a data set, or 'demo'")
    if is_address(data.path):
        if parse_address(data.path).has_secrets:
            raise RecipeError(
                "section [data]: the address has a password or a signature in it, and recipes are written down in run "
                "folders; give credentials in ~/.netrc or in the environment instead"
            )
        return data
    return DataSettings(**{**asdict(data), "path": str(Path(data.path).expanduser().resolve())})


def _read_settings(section: str, settings: type[SettingsT], laid: Layer) -> SettingsT:
    return settings(**section_options(section).resolve(laid[section], owner=f"section [{section}]"))


def choose(kind: Kind, entry: Mapping[str, Any], registry: Registry) -> Choice:
    """Find a component and check its options.

    Args:
        kind: Of the component.
        entry: Its name under "name", and options.
        registry: Where components are found.

    Raises:
        RecipeError: if there is no such component, or an option cannot be used.
    """
    options = dict(entry)
    component = registry.component(kind, options.pop("name"))
    table = shared_options(kind, component.options)
    given = {option.name: options.pop(option.name) for option in table if option.name in options}
    shared = table.resolve(given, owner=component.owner)
    if shared.get("weights") and Path(shared["weights"]).expanduser().exists():
        # The recipe that a run leaves is read from anywhere.
        shared["weights"] = str(Path(shared["weights"]).expanduser().resolve())
    notes = list(component.notes_on(options))
    if kind == "reporter":  # decides nothing that is learnt, so runs of before go on without what it does not know now
        options, gone = component.options.without_removed(options)
        notes += [f"{component.owner} has no option '{name}' any more, and goes without: {gone[name]}" for name in gone]
    resolved = component.resolve(options)
    return Choice(component=component, options=resolved, shared=shared, notes=tuple(notes))


def _provider(choice: Choice) -> str:
    return f"{choice.component.full_name} ({choice.component.plugin.label})"


def _with_words_for_none(value: Any) -> Any:
    """TOML has no null; the word "none" stands for it, as on the command line."""
    if isinstance(value, dict):
        return {key: _with_words_for_none(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_words_for_none(item) for item in value]
    return "none" if value is None else value
