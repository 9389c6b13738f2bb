"""Explainability for PyTorch in which every explanation carries its own evidence.

The public API on one screen. Everything is loaded when first used, so that `import xai` does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from xai.methods import METHODS, MODEL_METHODS
from xai.results.display import fill_from

__version__ = "0.1.0"

_HOMES = {
    "Model": "xai.model.model",
    "ImageInput": "xai.inputs.kinds",
    "TabularInput": "xai.inputs.kinds",
    "SequenceInput": "xai.inputs.kinds",
    "TextInput": "xai.inputs.kinds",
    "TensorInput": "xai.inputs.kinds",
    "load": "xai.model.folder",
    "save_model": "xai.model.folder",
    "read_image": "xai.inputs.image_files",
    "read_images": "xai.inputs.image_files",
    "Explanation": "xai.results.explanation",
    "Visualization": "xai.results.explanation",
    "Finding": "xai.results.finding",
    "XaiError": "xai.base.errors",
    "XaiWarning": "xai.base.errors",
    "attribute": "xai.attribution.several",
    "verify": "xai.evidence.verify",
    "TrainingSummary": "xai.lime.summary",
    "kernel_widths": "xai.lime.widths",
    "submodular_pick": "xai.lime.pick",
    "measure_performance": "xai.auditing.checks.performance",
    "AuditData": "xai.auditing.audit_data",
    "AuditResult": "xai.results.audit_result",
    "audit": "xai.auditing.run",
    "compare": "xai.auditing.compare.run",
    "audit_report": "xai.reports.presets.audit",
    "comparison_report": "xai.reports.presets.audit",
    "recheck": "xai.reports.recheck",
    "Report": "xai.reports.page",
    "model_report": "xai.reports.presets.images",
    **{name: spec.function.partition(":")[0] for name, spec in (METHODS | MODEL_METHODS).items()},
}

# Results lie below plots and reports: these modules tell them how to draw and show themselves.
fill_from("xai.plots.by_type", "xai.reports.notebook")

__all__ = ["__version__", "objectives", *_HOMES]

if TYPE_CHECKING:
    from xai.attribution.activation_maps import gradcam as gradcam
    from xai.attribution.activation_maps import guided_gradcam as guided_gradcam
    from xai.attribution.deeplift import deeplift as deeplift
    from xai.attribution.gradient_rules import deconvolution as deconvolution
    from xai.attribution.gradient_rules import guided_backprop as guided_backprop
    from xai.attribution.gradients import input_x_gradient as input_x_gradient
    from xai.attribution.gradients import integrated_gradients as integrated_gradients
    from xai.attribution.gradients import saliency as saliency
    from xai.attribution.lrp import lrp as lrp
    from xai.attribution.occlusion import occlusion as occlusion
    from xai.attribution.sampled_gradients import gradient_shap as gradient_shap
    from xai.attribution.sampled_gradients import smoothgrad as smoothgrad
    from xai.attribution.several import attribute as attribute
    from xai.attribution.shapley import kernel_shap as kernel_shap
    from xai.auditing.audit_data import AuditData as AuditData
    from xai.auditing.checks.performance import measure_performance as measure_performance
    from xai.auditing.compare.run import compare as compare
    from xai.auditing.run import audit as audit
    from xai.base.errors import XaiError as XaiError
    from xai.base.errors import XaiWarning as XaiWarning
    from xai.evidence.verify import verify as verify
    from xai.global_explanations.accumulated_effects import accumulated_local_effects as accumulated_local_effects
    from xai.global_explanations.concepts import concept_sensitivity as concept_sensitivity
    from xai.global_explanations.examples import activating_examples as activating_examples
    from xai.global_explanations.neighbors import nearest_examples as nearest_examples
    from xai.global_explanations.partial_dependence import partial_dependence as partial_dependence
    from xai.global_explanations.permutation import permutation_importance as permutation_importance
    from xai.global_explanations.surrogate_tree import surrogate_tree as surrogate_tree
    from xai.inputs.image_files import read_image as read_image
    from xai.inputs.image_files import read_images as read_images
    from xai.inputs.kinds import ImageInput as ImageInput
    from xai.inputs.kinds import SequenceInput as SequenceInput
    from xai.inputs.kinds import TabularInput as TabularInput
    from xai.inputs.kinds import TensorInput as TensorInput
    from xai.inputs.kinds import TextInput as TextInput
    from xai.lime.image import lime_image as lime_image
    from xai.lime.pick import submodular_pick as submodular_pick
    from xai.lime.series import lime_series as lime_series
    from xai.lime.summary import TrainingSummary as TrainingSummary
    from xai.lime.tabular import lime_tabular as lime_tabular
    from xai.lime.text import lime_text as lime_text
    from xai.lime.widths import kernel_widths as kernel_widths
    from xai.model.folder import load as load
    from xai.model.folder import save_model as save_model
    from xai.model.model import Model as Model
    from xai.reports.page import Report as Report
    from xai.reports.presets.audit import audit_report as audit_report
    from xai.reports.presets.audit import comparison_report as comparison_report
    from xai.reports.presets.images import model_report as model_report
    from xai.reports.recheck import recheck as recheck
    from xai.results.audit_result import AuditResult as AuditResult
    from xai.results.explanation import Explanation as Explanation
    from xai.results.explanation import Visualization as Visualization
    from xai.results.finding import Finding as Finding
    from xai.sequences.alignment import alignment as alignment
    from xai.sequences.gates import gate_activations as gate_activations
    from xai.visualization import objectives as objectives
    from xai.visualization.ascent import visualize as visualize


def __getattr__(name: str) -> object:
    if name == "objectives":
        return importlib.import_module("xai.visualization.objectives")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'xai' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
