"""The types of factories and of `register`, one of each a kind, so that type checkers flag a wrong factory.

    @hookimpl
    def artkit_models(register: RegisterModels) -> None:
        register("vit-tiny", vit)      # an error, if `vit` takes another context or returns no module

What is annotated with nothing is checked when the plugin is loaded. That is also where options are refused which are
not keyword-only, for which there is no type. This module stays light: plugins import it at their top.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Literal, Protocol, TypeAlias, TypeVar

from artkit.contracts import (
    Augmenter,
    AugmenterContext,
    Loss,
    LossContext,
    ModelContext,
    OptimizerContext,
    ReporterContext,
    Sampler,
    SamplerContext,
    Schedule,
    ScheduleContext,
    Source,
    SourceContext,
)

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

Stability = Literal["stable", "experimental", "deprecated"]

ModelFactory: TypeAlias = Callable[Concatenate[ModelContext, ...], "nn.Module"]
AugmenterFactory: TypeAlias = Callable[Concatenate[AugmenterContext, ...], Augmenter]
SamplerFactory: TypeAlias = Callable[Concatenate[SamplerContext, ...], Sampler]
LossFactory: TypeAlias = Callable[Concatenate[LossContext, ...], Loss]
OptimizerFactory: TypeAlias = Callable[Concatenate[OptimizerContext, ...], "Optimizer"]
ScheduleFactory: TypeAlias = Callable[Concatenate[ScheduleContext, ...], Schedule]
ReporterFactory: TypeAlias = Callable[Concatenate[ReporterContext, ...], object]
SourceFactory: TypeAlias = Callable[Concatenate[SourceContext, ...], Source]

FactoryT = TypeVar("FactoryT", contravariant=True)


class RegisterOf(Protocol[FactoryT]):
    """Registers one component; what a registration hook receives. `FactoryT` is the type of its kind's factories."""

    def __call__(
        self,
        name: str,
        factory: FactoryT,
        /,
        *,
        presets: Mapping[str, object] | None = None,
        aliases: Sequence[str] = (),
        renamed: Mapping[str, str] | None = None,
        removed: Mapping[str, str] | None = None,
        version: int = 1,
        stability: Stability = "stable",
        note: str = "",
        examples: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """Register `factory` under `name`.

        Args:
            name: Lower-case letters, digits, `-`, `_` and `.`; starts with a letter.
            factory: Its first parameter takes the context of the kind; keyword-only parameters are its options.
            presets: Defaults of options that differ from those in the signature: one factory, many names. Users can
                override them like any default. Of a group, a table with some of its options is enough.
            aliases: Further names of the same component, such as one it had before.
            renamed: Old option name to new one, such as "stem.width" in a group; recipes that use the old one go on
                working, and their users are told.
            removed: Option name to what to do instead, told to those who still use it: as an error, or for a reporter,
                which decides nothing that is learnt, as a note, and it goes without.
            version: Raised when the component's results change on purpose. Register the old factory beside it, and
                recipes of old runs, which keep `name@version`, go on working; a name without version is the newest.
            stability: "deprecated" and "experimental" warn users, with `note`.
            note: One line for users; of a deprecated component it says what to use instead, and is required.
            examples: Options that it works with, a table each, such as `[{"arch": "resnet10t"}]`. It is checked and
                shown with them; where an option has no default, nobody else can know one. Options that name classes
                name class-0 to class-4, which checks have.

        Raises:
            PluginError: if the name, the factory's signature or one of the options breaks the contract.
        """
        ...


RegisterModels: TypeAlias = RegisterOf[ModelFactory]
RegisterAugmenters: TypeAlias = RegisterOf[AugmenterFactory]
RegisterSamplers: TypeAlias = RegisterOf[SamplerFactory]
RegisterLosses: TypeAlias = RegisterOf[LossFactory]
RegisterOptimizers: TypeAlias = RegisterOf[OptimizerFactory]
RegisterSchedules: TypeAlias = RegisterOf[ScheduleFactory]
RegisterReporters: TypeAlias = RegisterOf[ReporterFactory]
RegisterSources: TypeAlias = RegisterOf[SourceFactory]

Register: TypeAlias = RegisterOf[Callable[..., Any]]
"""Of any kind: nothing is checked of the factory but that it can be called."""
