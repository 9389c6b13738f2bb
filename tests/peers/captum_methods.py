"""What stands here for each attribution of captum: a function of (its object, the call, its settings) to its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import xai
from tests.peers.captum_call import NotSaid, Said, layer_name
from tests.peers.captum_lrp import lrp
from xai import targets

__all__ = ["METHODS", "OURS"]

Answer = Callable[[Any, Said, dict[str, Any]], Any]
STATISTICS = {"smoothgrad": "mean", "smoothgrad_sq": "square", "vargrad": "variance"}


def _noted(**limits: Any) -> Callable[[dict[str, Any]], None]:
    """Return a check that settings are what there is a form for: a name, and the values that it may have."""

    def check(asked: dict[str, Any]) -> None:
        for name, allowed in limits.items():
            if name in asked and asked[name] not in allowed:
                raise NotSaid(f"{name}={asked[name]!r}")

    return check


def _multiplied(made: Any) -> None:
    if not getattr(made, "multiplies_by_inputs", True):
        raise NotSaid("values without the factor of the input")


def _plain(name: str, *, layer: bool = False) -> Answer:
    """Return what calls a method whose values are like the inputs, or like what a layer puts out."""

    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        settings = {"layer": layer_name(made)} if layer else {}
        method = name if getattr(made, "multiplies_by_inputs", True) or name != "input_x_gradient" else "gradient"
        values = getattr(xai, method)(said.model, said.batch, said.target, **settings).values
        return values if layer and name != "guided_gradcam" else said.given_back(values)

    return answer


def _saliency(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    return _plain("saliency" if asked.get("abs", True) else "gradient")(made, said, asked)


def _from_baseline(name: str) -> Answer:
    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        _multiplied(made)
        settings = {"steps": asked.get("n_steps", 50)} if name == "integrated_gradients" else {}
        start = said.start(asked.get("baselines"))
        return said.given_back(
            getattr(xai, name)(said.model, said.batch, said.target, baseline=start, **settings).values
        )

    return answer


def _from_data(name: str) -> Answer:
    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        _multiplied(made)
        _noted(stdevs=(0.0, 0))(asked)
        settings = {"samples": max(2, asked.get("n_samples", 5))} if name == "gradient_shap" else {}
        rows = said.rows_of_data(asked["baselines"])
        return said.given_back(
            getattr(xai, name)(said.model, said.batch, said.target, background=rows, **settings).values
        )

    return answer


def _occlusion(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    if said.several:
        raise NotSaid("windows over several inputs")
    window, stride = asked["sliding_window_shapes"], asked.get("strides")
    window, stride = (item[0] if isinstance(item, tuple) and isinstance(item[0], tuple) else item
                      for item in (window, stride))  # fmt: skip
    window = (window,) if isinstance(window, int) else window
    shape = tuple(said.batch.shape[1:])
    stride = (1,) * len(window) if stride is None else (stride,) * len(window) if isinstance(stride, int) else stride
    if len(shape) == 3:
        if window[0] != shape[0]:
            raise NotSaid("windows of some channels of an image")
        window, stride = window[1:], stride[1:]
    start = said.start(asked.get("baselines"))
    made = xai.occlusion(said.model, said.batch, said.target, window=window, stride=stride, baseline=start)
    return said.given_back(_summed(said, made))


def _summed(said: Said, made: Any) -> Tensor:
    """Return the fall of a window, where each of its channels got an equal share."""
    return made.values * (said.batch.shape[1] if said.batch.ndim == 4 else 1)


def _hidden_parts(name: str, **fixed: Any) -> Answer:
    """Return what hides parts: of a row alone, since each may have a baseline and a cut of its own."""
    argument = "background" if name == "kernel_shap" else "baseline"

    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        start, labels, settings = said.start(asked.get("baselines")), said.parts(asked.get("feature_mask")), dict(fixed)
        if name == "kernel_shap" and not fixed:
            settings["samples"] = max(asked.get("n_samples", 25), 64)
        if name == "lime_segments":
            settings |= _lasso(made)
            settings["samples"] = settings["most_samples"] = max(asked.get("n_samples", 50), 50)

        def explain(batch: Tensor, target: Any, row: int) -> Any:
            behind = start if isinstance(start, str) else start[[row]]
            cut = labels if labels.ndim == 1 else labels[row]
            return getattr(xai, name)(said.model, batch, target, **{argument: behind}, segments=cut, **settings)

        explanations = said.each_row(explain)
        if not asked.get("return_input_shape", True):
            return torch.stack([made.values[0] for made in explanations])
        return said.of_parts(explanations)

    return answer


def _lasso(made: Any) -> dict[str, Any]:
    """Return the surrogate that captum was given, where ours has it."""
    fit = made.interpretable_model
    if type(fit).__name__ == "SkLearnLasso":
        return {"surrogate": "lasso", "penalty": float(fit.construct_kwargs.get("alpha", 1.0))}
    if type(fit).__name__ == "SkLearnLinearRegression":
        return {"surrogate": "ridge", "penalty": 1e-6}
    raise NotSaid(f"the surrogate {type(fit).__name__}")


def _gradcam(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    _noted(attr_dim_summation=(True,), relu_attributions=(True,))({"relu_attributions": False, **asked})
    raise NotSaid("a map in the layer's own size")


def _activation(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    return said.model.activations(said.batch, layer_name(made))


def _at_layer(name: str, baselines: str | None = "baselines") -> Answer:
    """Return what explains a layer's output, where a baseline is one of the input (of captum)."""

    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        _multiplied(made)
        layer, settings = layer_name(made), {}
        if name == "integrated_gradients":
            settings["steps"] = asked.get("n_steps", 50)
        start = said.start(asked.get(baselines))
        start = torch.zeros_like(said.batch) if isinstance(start, str) else start
        settings["baseline"] = said.model.activations(start, layer)
        return getattr(xai, name)(said.model, said.batch, said.target, layer=layer, **settings).values

    return answer


def _at_layer_from_data(name: str) -> Answer:
    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        _multiplied(made)
        _noted(stdevs=(0.0, 0))(asked)
        layer = layer_name(made)
        rows = said.rows_of_data(asked["baselines"])
        rows = torch.zeros_like(said.batch[:1]) if isinstance(rows, str) else rows
        settings = {"samples": max(2, asked.get("n_samples", 5))} if name == "gradient_shap" else {}
        behind = said.model.activations(rows, layer)
        return getattr(xai, name)(
            said.model, said.batch, said.target, layer=layer, background=behind, **settings
        ).values

    return answer


def _path(name: str) -> Answer:
    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        settings = {"steps": asked.get("n_steps", 50), "baseline": said.start(asked.get("baselines"))}
        return getattr(xai, name)(said.model, said.batch, said.target, layer=layer_name(made), **settings).values

    return answer


def _through_unit(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    _multiplied(made)
    chosen = asked["neuron_selector"]
    if not isinstance(chosen, int) and not (isinstance(chosen, tuple) and all(isinstance(at, int) for at in chosen)):
        raise NotSaid("conductance through several units")
    settings = {"steps": asked.get("n_steps", 50), "baseline": said.start(asked.get("baselines"))}
    explained = xai.conductance(said.model, said.batch, said.target, layer=layer_name(made), unit=chosen, **settings)
    return said.given_back(explained.values)


def _layer_ablation(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    layer, start, mask = layer_name(made), asked.get("layer_baselines"), asked.get("layer_mask")
    settings: dict[str, Any] = {"layer": layer}
    start, mask = (item[0] if isinstance(item, tuple) and len(item) == 1 else item for item in (start, mask))
    if isinstance(start, tuple) or isinstance(mask, tuple):
        raise NotSaid("a layer with several outputs")
    if start is not None:
        settings["baseline"] = start
    if mask is not None:
        raise NotSaid("parts of a layer that cut its channels")
    return xai.occlusion(said.model, said.batch, said.target, **settings).values


def _neuron(name: str, background: bool = False) -> Answer:
    """Return what explains a unit of a layer by a method for inputs."""
    method = {"occlusion": _hidden_parts("occlusion")}.get(name)
    if method is None:
        method = _from_data(name) if background else _from_baseline(name)
        if name in ("gradient", "guided_backprop", "deconvolution"):
            method = _plain(name)

    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        chosen, layer = asked["neuron_selector"], layer_name(made)
        if isinstance(chosen, int) or (isinstance(chosen, tuple) and all(isinstance(item, int) for item in chosen)):
            said.target = targets.unit(layer, chosen, before=False)
        else:  # a slice, or a function of what the layer puts out

            def read(raw: Any, recorded: Any) -> Tensor:
                own = recorded[layer, False]
                found = chosen(own) if callable(chosen) else own[(slice(None), *chosen)]
                return found.reshape(len(own), -1).sum(1)

            said.target = targets.TargetFunction("units", None, read=read, layers=((layer, False),), inner=True)
        return method(made, said, asked)

    return answer


def _guided_gradcam(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    _noted(interpolate_mode=("bilinear",))({"interpolate_mode": "nearest", **asked})
    made = made.grad_cam
    return _plain("guided_gradcam", layer=True)(made, said, asked)


def _noise(made: Any, said: Said, asked: dict[str, Any]) -> Any:
    inner, name = made.attribution_method, type(made.attribution_method).__name__
    spread = asked.get("stdevs", 1.0)
    if name not in OURS or (isinstance(spread, tuple) and len(set(spread)) > 1):
        raise NotSaid(f"noise around {name}")
    spread = float(spread[0] if isinstance(spread, tuple) else spread)
    options: dict[str, Any] = {}
    method = OURS[name]
    if name == "Saliency":
        method = "saliency" if asked.get("abs", True) else "gradient"
    if name in ("IntegratedGradients", "DeepLift"):
        _multiplied(inner)
        options["baseline"] = said.start(asked.get("baselines"))
    if name == "IntegratedGradients":
        options["steps"] = asked.get("n_steps", 50)
    settings = {"statistic": STATISTICS[asked.get("nt_type", "smoothgrad")], "samples": max(2, asked["nt_samples"])}
    if name == "LRP":
        options = {"rule": "epsilon", "epsilon": 1e-9}

    def explain(batch: Tensor, target: Any, row: int) -> Tensor:
        own = {key: value[[row]] if isinstance(value, Tensor) else value for key, value in options.items()}
        size = float(batch.max() - batch.min())  # ours is measured in the range of the row
        if spread and not size:
            raise NotSaid("noise on a row of equal numbers")
        noise = spread / (size or 1.0)
        return xai.smoothgrad(
            said.model, batch, target, method=method, options=own, noise=noise, seed=row, **settings
        ).values

    return said.given_back(torch.cat(said.each_row(explain)))


OURS = {
    "IntegratedGradients": "integrated_gradients", "Saliency": "saliency", "InputXGradient": "input_x_gradient",
    "DeepLift": "deeplift", "GuidedBackprop": "guided_backprop", "Deconvolution": "deconvolution", "LRP": "lrp",
}  # fmt: skip

METHODS: dict[str, Answer] = {
    "IntegratedGradients": _from_baseline("integrated_gradients"), "Saliency": _saliency,
    "InputXGradient": _plain("input_x_gradient"), "DeepLift": _from_baseline("deeplift"),
    "DeepLiftShap": _from_data("deeplift"), "GradientShap": _from_data("gradient_shap"),
    "GuidedBackprop": _plain("guided_backprop"), "Deconvolution": _plain("deconvolution"), "LRP": lrp(False),
    "FeatureAblation": _hidden_parts("occlusion"), "Occlusion": _occlusion,
    "ShapleyValues": _hidden_parts("kernel_shap", algorithm="exact"),
    "ShapleyValueSampling": _hidden_parts("kernel_shap", algorithm="permutation"),
    "KernelShap": _hidden_parts("kernel_shap"), "Lime": _hidden_parts("lime_segments"), "NoiseTunnel": _noise,
    "GuidedGradCam": _guided_gradcam, "LayerGradCam": _gradcam, "LayerActivation": _activation,
    "LayerConductance": _path("conductance"), "InternalInfluence": _path("internal_influence"),
    "LayerGradientXActivation": _plain("input_x_gradient", layer=True),
    "LayerIntegratedGradients": _at_layer("integrated_gradients"), "LayerDeepLift": _at_layer("deeplift"),
    "LayerDeepLiftShap": _at_layer_from_data("deeplift"), "LayerGradientShap": _at_layer_from_data("gradient_shap"),
    "LayerFeatureAblation": _layer_ablation, "LayerLRP": lrp(True),
    "NeuronConductance": _through_unit,
    "NeuronGradient": _neuron("gradient"), "NeuronIntegratedGradients": _neuron("integrated_gradients"),
    "NeuronDeepLift": _neuron("deeplift"), "NeuronDeepLiftShap": _neuron("deeplift", True),
    "NeuronGradientShap": _neuron("gradient_shap", True), "NeuronGuidedBackprop": _neuron("guided_backprop"),
    "NeuronDeconvolution": _neuron("deconvolution"), "NeuronFeatureAblation": _neuron("occlusion"),
}  # fmt: skip
