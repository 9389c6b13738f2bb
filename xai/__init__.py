"""Explainability for PyTorch in which every explanation carries its own evidence.

The public API on one screen. Everything is loaded when first used, so that `import xai` does not import torch.
`__init__.pyi` says the same to type checkers and editors; a test holds the two together.
"""

from __future__ import annotations

import importlib

from xai.inputs import INPUT_KINDS
from xai.methods import METHODS, MODEL_METHODS
from xai.results.display import fill_from

__version__ = "0.1.0"  # the only place that says it: the build, the documentation and the command line read it here

_HOMES = {
    "Model": "xai.model.model",
    **INPUT_KINDS,
    "Inputs": "xai.inputs.several",
    "from_sklearn": "xai.adapters.sklearn",
    "tree_shap": "xai.adapters.shap",
    "from_timm": "xai.adapters.timm",
    "from_transformers": "xai.adapters.transformers",
    "from_torchvision": "xai.adapters.torchvision",
    "load": "xai.model.folder",
    "save_model": "xai.model.folder",
    "read_image": "xai.inputs.image_files",
    "read_images": "xai.inputs.image_files",
    "Explanation": "xai.results.explanation",
    "PromptAttribution": "xai.results.prompt_result",
    "Visualization": "xai.results.visualization",
    "LayerFactors": "xai.results.layer_factors",
    "Finding": "xai.results.finding",
    "XaiError": "xai.base.errors",
    "XaiWarning": "xai.base.errors",
    "attribute": "xai.attribution.several_methods",
    "verify": "xai.evidence.verify",
    "prompt_attribution": "xai.sequences.prompt_attribution",
    "rank_methods": "xai.evidence.rank",
    "TrainingSummary": "xai.lime.training_summary",
    "kernel_widths": "xai.lime.widths",
    "submodular_pick": "xai.lime.pick",
    "measure_performance": "xai.auditing.checks.performance",
    "AuditData": "xai.auditing.audit_data",
    "AuditResult": "xai.results.audit_result",
    "audit": "xai.auditing.audit_run",
    "compare": "xai.auditing.compare.comparison_run",
    "run": "xai.runs.run",
    "open_run": "xai.runs.store",
    "drift": "xai.runs.drift",
    "run_report": "xai.reports.presets.run",
    "audit_report": "xai.reports.presets.audit",
    "comparison_report": "xai.reports.presets.audit",
    "recheck": "xai.reports.recheck",
    "Report": "xai.reports.page",
    "model_report": "xai.reports.presets.images",
    **{name: spec.function.partition(":")[0] for name, spec in (METHODS | MODEL_METHODS).items()},
}
_MODULES = {"objectives": "xai.visualization.objectives", "targets": "xai.model.target_functions"}
_RENAMED: dict[str, str] = {}  # old public name -> new one; a line stays for one minor version

# Results lie below plots and reports: these modules tell them how to draw and show themselves.
fill_from("xai.plots.by_type", "xai.reports.notebook")

__all__ = ["__version__", *_MODULES, *_HOMES]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _RENAMED:
        from xai.base.deprecated import warn_renamed

        warn_renamed(f"xai.{name}", f"xai.{_RENAMED[name]}", stacklevel=2)
        return getattr(importlib.import_module(__name__), _RENAMED[name])
    raise AttributeError(f"module 'xai' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
