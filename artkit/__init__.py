"""artkit learns who made a work of art; and any image classification with many classes, few images and a long tail.

What plugin authors need is here, and cheap to import: `hookimpl`, the contexts, and what options say of themselves.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artkit.annotations import Doc, Ge, Gt, Interval, Le, Lt, MultipleOf
    from artkit.calibration import Reliability, calibration_interval, reliability, tempered
    from artkit.class_table import weights_by_class
    from artkit.contracts import (
        Augmenter,
        AugmenterContext,
        Draws,
        ErrorInfo,
        Loss,
        LossContext,
        Mixed,
        ModelContext,
        OptimizerContext,
        Predictions,
        Pretrained,
        ReporterContext,
        RunInfo,
        Sampler,
        SamplerContext,
        Schedule,
        ScheduleContext,
        Source,
        SourceContext,
    )
    from artkit.errors import ArtkitError, ComponentError, PluginError, RecipeError, RunError
    from artkit.hookspecs import hookimpl
    from artkit.lifting import per_sample
    from artkit.registering import (
        AugmenterFactory,
        LossFactory,
        ModelFactory,
        OptimizerFactory,
        Register,
        RegisterAugmenters,
        RegisterLosses,
        RegisterModels,
        RegisterOptimizers,
        RegisterReporters,
        RegisterSamplers,
        RegisterSchedules,
        RegisterSources,
        ReporterFactory,
        SamplerFactory,
        ScheduleFactory,
        SourceFactory,
    )
    from artkit.wilson import wilson_interval

__version__ = "0.1.0"

__all__ = [
    "ArtkitError",
    "Augmenter",
    "AugmenterContext",
    "AugmenterFactory",
    "ComponentError",
    "Doc",
    "Draws",
    "ErrorInfo",
    "Ge",
    "Gt",
    "Interval",
    "Le",
    "Loss",
    "LossContext",
    "LossFactory",
    "Lt",
    "Mixed",
    "ModelContext",
    "ModelFactory",
    "MultipleOf",
    "OptimizerContext",
    "OptimizerFactory",
    "PluginError",
    "Predictions",
    "Pretrained",
    "RecipeError",
    "Register",
    "RegisterAugmenters",
    "RegisterLosses",
    "RegisterModels",
    "RegisterOptimizers",
    "RegisterReporters",
    "RegisterSamplers",
    "RegisterSchedules",
    "RegisterSources",
    "Reliability",
    "ReporterContext",
    "ReporterFactory",
    "RunError",
    "RunInfo",
    "Sampler",
    "SamplerContext",
    "SamplerFactory",
    "Schedule",
    "ScheduleContext",
    "ScheduleFactory",
    "Source",
    "SourceContext",
    "SourceFactory",
    "__version__",
    "calibration_interval",
    "hookimpl",
    "per_sample",
    "reliability",
    "tempered",
    "weights_by_class",
    "wilson_interval",
]

# Imported when first asked for, so that `artkit --help` pays for none of them.
_HOMES = (
    "artkit.hookspecs",
    "artkit.annotations",
    "artkit.contracts",
    "artkit.registering",
    "artkit.errors",
    "artkit.class_table",
    "artkit.lifting",
    "artkit.wilson",
    "artkit.calibration",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = import_module(home)
            if hasattr(module, name):
                value = globals()[name] = getattr(module, name)
                return value
    raise AttributeError(f"module 'artkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
