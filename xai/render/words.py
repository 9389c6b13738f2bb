"""What a reader is told about each method: what to look for in its map, and what it does not show."""

from __future__ import annotations

from typing import NamedTuple

from xai.methods import METHODS, all_methods

__all__ = ["Words", "words_for"]


class Words(NamedTuple):
    """title: how the method is called in a report. unit: of its values. look and limits: one sentence each."""

    title: str
    unit: str
    look: str
    limits: str


WORDS: dict[str, Words] = {
    "saliency": Words(
        "Saliency", "output per pixel value",
        "Strong color: changing this pixel a little changes the score fastest.",
        "Not whether the pixel counts for or against, nor how much of the score it carries.",
    ),
    "integrated_gradients": Words(
        "Integrated gradients", "output",
        "Orange pixels raised the score compared with the baseline, blue ones lowered it; together they add up.",
        "Not what would happen with another baseline: pixels equal to it always get 0.",
    ),
    "input_x_gradient": Words(
        "Input × gradient", "output",
        "Orange pixels would raise the score if the network were linear, blue ones would lower it.",
        "Not how a bent network behaves away from this input, and nothing where the pixel is black.",
    ),
    "smoothgrad": Words(
        "SmoothGrad", "output per pixel value",
        "Orange: making this pixel brighter raises the score on average over noisy copies; blue: it lowers it.",
        "Not how much of the score a pixel carries; the noise also blurs what is really sharp.",
    ),
    "gradient_shap": Words(
        "Gradient SHAP", "output",
        "Orange pixels raised the score compared with the background, blue ones lowered it; they nearly add up.",
        "Not what another background would show; the points are drawn at random, hence the error bars.",
    ),
    "gradcam": Words(
        "Grad-CAM", "weighted activation",
        "The region whose high-level features speak for the class.",
        "No detail finer than the layer's grid, and nothing that speaks against the class.",
    ),
    "occlusion": Words(
        "Occlusion", "output",
        "Orange: hiding this window lowers the score. Blue: hiding it raises it.",
        "Not parts that matter only together: one of two copies can be hidden without harm.",
    ),
    "lime_image": Words(
        "LIME", "probability",
        "Orange segments raise the probability when shown, blue ones lower it, in a linear model around this image.",
        "Not more than that model can: its R² says how much of the network's behavior it follows.",
    ),
    "lime_tabular": Words(
        "LIME", "probability",
        "Orange: that the column is in this range (or category) raises the probability, blue: that it lowers it.",
        "Not more than a linear model can: its R² says how much of the network's behavior it follows.",
    ),
    "lime_text": Words(
        "LIME", "probability",
        "Orange words raise the probability by being there, blue ones lower it, in a linear model around this text.",
        "Not more than that model can: its R² says how much of the network's behavior it follows.",
    ),
    "lime_series": Words(
        "LIME", "probability",
        "Orange stretches of time raise the probability when shown, blue ones lower it.",
        "Not more than a linear model can: its R² says how much of the network's behavior it follows.",
    ),
}  # fmt: skip


def words_for(method: str) -> Words:
    """Return the words of a method; of one from another package, its own summary."""
    if method in WORDS:
        return WORDS[method]
    spec = all_methods().get(method, METHODS["saliency"])
    return Words(method.replace("_", " "), "output", spec.summary.capitalize() + ".", "See its documentation.")
