"""What the fuzzer calls: methods, models, kinds of input, results and objectives."""

from __future__ import annotations

import functools
from pathlib import Path

from PIL import Image
from torch import nn

import xai
from tests.fuzz_values import (
    IMAGE,
    LABELS,
    MORE,
    ROWS,
    STEPS,
    add,
    explained,
    folder,
    images,
    series,
    table,
    texts,
    then,
)


@functools.cache
def kept() -> Path:
    model = xai.Model(nn.Linear(4, 3), input=xai.TabularInput(list("abcd")))
    arguments: dict[str, object] = {"in_features": 4, "out_features": 3}
    return xai.save_model(model, folder(), factory="torch.nn:Linear", arguments=arguments)


@functools.cache
def picture() -> Path:
    path = Path(folder(), "picture.png")
    Image.new("L", (8, 8), 100).save(path)
    return path


@functools.cache
def written() -> Path:
    return explained().save(Path(folder(), "e.safetensors"))


for _name in ("saliency", "input_x_gradient", "deeplift", "lrp", "occlusion", "guided_backprop", "deconvolution"):
    add(_name, getattr(xai, _name), lambda: {"model": table(), "inputs": ROWS, "target": 0})
for _name, _more in {"integrated_gradients": {"steps": 3}, "smoothgrad": {"samples": 3},
                     "gradient_shap": {"samples": 3}, "kernel_shap": {"samples": 30}, "lime_segments": {"samples": 30},
                     }.items():  # fmt: skip
    add(_name, getattr(xai, _name), lambda more=_more: {"model": table(), "inputs": ROWS, "target": 0, **more})
for _name in ("gradcam", "guided_gradcam"):
    add(_name, getattr(xai, _name), lambda: {"model": images(), "inputs": IMAGE, "target": 0})
add("occlusion of images", xai.occlusion, lambda: {"model": images(), "inputs": IMAGE, "target": 0})
add("lime_tabular", xai.lime_tabular,
     lambda: {"model": table(), "rows": ROWS, "target": 0, "samples": 30, "background": MORE})  # fmt: skip
add("lime_image", xai.lime_image, lambda: {"model": images(), "images": IMAGE, "segments": "grid", "samples": 30})
add("lime_text", xai.lime_text, lambda: {"model": texts(), "texts": ["good film"], "target": 0, "samples": 30})
add("lime_series", xai.lime_series, lambda: {"model": series(), "series": STEPS, "target": 0, "samples": 30})
add("attribute", xai.attribute, lambda: {"model": table(), "inputs": ROWS, "methods": ["saliency"]})
add("partial_dependence", xai.partial_dependence, lambda: {"model": table(), "data": MORE})
add("accumulated_local_effects", xai.accumulated_local_effects, lambda: {"model": table(), "data": MORE})
add("permutation_importance", xai.permutation_importance,
     lambda: {"model": table(), "data": MORE, "labels": LABELS, "repeats": 2})  # fmt: skip
add("surrogate_tree", xai.surrogate_tree, lambda: {"model": table(), "data": MORE})
add("nearest_examples", xai.nearest_examples, lambda: {"model": table(), "inputs": ROWS, "train": MORE})
add(
    "training_influence",
    xai.training_influence,
    lambda: {"model": table(), "inputs": ROWS, "train": MORE, "labels": [0] * len(MORE)},
)
add("shapley_interactions", xai.shapley_interactions, lambda: {"model": table(), "inputs": ROWS})
add("activating_examples", xai.activating_examples, lambda: {"model": table(), "inputs": MORE, "layer": "0"})
add("layer_factors", xai.layer_factors, lambda: {"model": images(), "inputs": IMAGE, "factors": 1})
add("visualize", xai.visualize,
     lambda: {"model": images(), "objective": xai.objectives.channel("0", 0), "steps": 1})  # fmt: skip
add("submodular_pick", xai.submodular_pick, lambda: {
    "explanations": xai.lime_tabular(table(), ROWS, 0, background=MORE, samples=30), "budget": 1})  # fmt: skip
add("Model", then(xai.Model, lambda made: made.predict(ROWS)), lambda: {"network": nn.Linear(4, 3)})
add("Model.predict", lambda inputs: table().predict(inputs), lambda: {"inputs": ROWS})
add("Model.unit", lambda layer, index: table().unit(layer, index).predict(ROWS), lambda: {"layer": "0", "index": 1})
add("ImageInput", xai.ImageInput, lambda: {"shape": (1, 8, 8)})
add("TabularInput", xai.TabularInput, lambda: {"names": ["a"]})
add("TextInput", xai.TextInput, dict)
add("SequenceInput", xai.SequenceInput, lambda: {"names": ["a"], "length": 3})
add("save_model", xai.save_model, lambda: {
    "model": xai.Model(nn.Linear(4, 3)), "folder": folder(), "factory": "torch.nn:Linear"})  # fmt: skip
add("load", xai.load, lambda: {"folder": kept()})
add("read_image", xai.read_image, lambda: {"path": picture(), "input": xai.ImageInput((1, 8, 8))})
add("read_images", xai.read_images, lambda: {"paths": [picture()], "input": xai.ImageInput((1, 8, 8))})
add("Report", lambda title, results: xai.Report(title, results).html(), lambda: {"title": "t", "results": []})
add("Report.save", lambda path: xai.Report("t", [explained()]).save(path), lambda: {"path": "page.html"})
add("Explanation.save", lambda path: explained().save(path), lambda: {"path": folder() + "/e.safetensors"})
add("Explanation.load", xai.Explanation.load, lambda: {"path": written()})
add("Explanation.interval", lambda confidence: xai.smoothgrad(table(), ROWS, 0, samples=3).interval(confidence),
     lambda: {"confidence": 0.9})  # fmt: skip
for _name, _more in {"channel": {"layer": "0", "number": 0}, "neuron": {"layer": "0", "number": 0},
                     "layer": {"name": "0"}, "direction": {"layer": "0", "vector": [1.0, 0.0]},
                     "unit": {"layer": "0", "number": 0}, "diversity": {"layer": "0"}, "logit": {"number": 0},
                     "probability": {"number": 0}}.items():  # fmt: skip
    add(f"objectives.{_name}", getattr(xai.objectives, _name), lambda more=_more: dict(more))
