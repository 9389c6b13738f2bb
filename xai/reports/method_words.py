"""What a reader is told about each method: what to look for in its map, and what it does not show."""

from __future__ import annotations

from typing import NamedTuple

from xai.methods import METHODS, all_methods

__all__ = ["CHECK_WORDS", "Words", "words_for"]


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
    "guided_backprop": Words(
        "Guided backpropagation", "output per pixel value",
        "Fine structure of which rectifiers pass a positive signal back to the pixels.",
        "Hardly anything about the class: random weights often give the same picture.",
    ),
    "deconvolution": Words(
        "Deconvolution", "output per pixel value",
        "Fine structure that the network's filters project back from the score.",
        "Hardly anything about the class: the picture depends little on what the network computed from this image.",
    ),
    "guided_gradcam": Words(
        "Guided Grad-CAM", "gradient × activation",
        "Fine structure inside the region whose features speak for the class.",
        "No more about the class than Grad-CAM: the detail is that of guided backpropagation.",
    ),
    "deeplift": Words(
        "DeepLIFT", "output",
        "Orange pixels raised the score compared with the baseline, blue ones lowered it; together they add up.",
        "Not what would happen with another baseline: pixels equal to it always get 0.",
    ),
    "lrp": Words(
        "LRP", "output",
        "Orange pixels carried what speaks for the class through the layers, blue ones what speaks against it.",
        "Not what biases keep, which the numbers beside it tell; a black pixel always gets 0.",
    ),
    "occlusion": Words(
        "Occlusion", "output",
        "Orange: hiding this window lowers the score. Blue: hiding it raises it.",
        "Not parts that matter only together: one of two copies can be hidden without harm.",
    ),
    "kernel_shap": Words(
        "Kernel SHAP", "output",
        "Orange segments raise the score on average over all ways of showing the others, blue ones lower it.",
        "Not what the network does on real images: most of what it is asked has many segments missing.",
    ),
    "lime_image": Words(
        "LIME", "probability",
        "Orange segments raise the probability when shown, blue ones lower it, in a linear model around this image.",
        "Not more than that model can: its R² says how much of the network's behavior it follows.",
    ),
    "lime_segments": Words(
        "LIME", "probability",
        "Orange parts raise the probability when shown, blue ones lower it, in a linear model around this input.",
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


# How each check works, for readers.
CHECK_WORDS: dict[str, str] = {
    "deletion": "Hides (blurs) what the map ranks highest, and compares the damage with 99 maps of the same values and "
    "smoothness in the wrong places, a blob in the center, and an edge filter that knows nothing of the network. "
    "Score: a p-value; at most 0.05 supports the map.",
    "insertion": "The mirror: shows only what the map ranks highest, and compares what comes back. Score: a p-value.",
    "randomization": "Shuffles all weights: a map that stays the same was never about what the network learned. "
    "Score: the rank correlation with such maps; low is good.",
    "cascade": "Shuffles the weights layer by layer, the output's first. Score: the mean rank correlation on the way.",
    "stability": "Adds noise that the prediction does not mind. Score: the map's rank correlation with itself; high is "
    "good.",
    "completeness": "Where a method promises that its values add up. Score: the share of the sum that is missed.",
    "agreement": "Compares with other methods' maps, and moved copies of this one with them. Score: a p-value. Methods "
    "may share a mistake, and one that stands alone may be right.",
}


def words_for(method: str, part: str = "pixel") -> Words:
    """Return the words of a method, a `part` of the input being called so; of another package's, its own summary."""
    if method in WORDS:
        return Words(*(text.replace("pixel", part) for text in WORDS[method]))
    spec = all_methods().get(method, METHODS["saliency"])
    return Words(method.replace("_", " "), "output", spec.summary.capitalize() + ".", "See its documentation.")
