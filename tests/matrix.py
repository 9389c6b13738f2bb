"""The matrix of architectures and methods: where a method gives a result, and where it names why it cannot.

`python -m tests.matrix` prints it; the documentation shows it on a page that its build writes. The contract test holds
its cells: of a method that reaches the network in the same way as another one those of `SLICE`, and all with
XAI_WHOLE_MATRIX=1. A new method needs no line here, unless a network of the zoo stops it by right.
"""

from __future__ import annotations

import os
import sys

from tests.zoo import ZOO
from xai.methods import METHODS

NO_LAYER = "feature maps"
NO_GRADIENT = "a perturbation method"
MAPLESS = ("lstm_packed", "series_of_5000", "volumes", "exported")
# Of all cells these raise an error, with these words in it, and those that `error_of` knows by the method's entry;
# every other one gives a result.
NAMED: dict[tuple[str, str], str] = {
    **{(method, "scripted"): "scripted" for method in ("guided_backprop", "deconvolution")},
    **{(method, "scripted"): "no rule" for method in ("deeplift", "lrp")},
    **{(method, "scripted"): NO_LAYER for method in ("gradcam", "guided_gradcam")},
    ("visualize", "scripted"): "layer",
    **{(method, "vmap_inside"): "no rule" for method in ("deeplift", "lrp")},
    **{(method, "complex_weights"): "no rule" for method in ("deeplift", "lrp")},
    ("visualize", "fixed_batch"): "4 at a time",
    **{(method, name): NO_LAYER for method in ("gradcam", "guided_gradcam") for name in MAPLESS},
    **{(method, "exported"): "scripted" for method in ("guided_backprop", "deconvolution")},
    **{(method, "exported"): "no rule" for method in ("deeplift", "lrp")},
    **{("visualize", name): "one like" for name in ("exported", "int8")},
}  # fmt: skip


# Methods that ask the session for just what another method asks it for, and the networks that they are tried on.
SLICED = {
    "gradient": "saliency", "conductance": "gradcam", "internal_influence": "gradcam", "gradcam_plus_plus": "gradcam",
    "layercam": "gradcam", "hirescam": "gradcam", "scorecam": "gradcam",
}  # fmt: skip
SLICE = (
    "plain", "inplace", "train_mode", "bfloat16", "dict_output", "log_probabilities", "one_logit", "scripted",
    "recurrent", "swin", "int8", "fixed_batch",
)  # fmt: skip


# Methods that read attention want one stream of tokens that attend to all others; these networks have it.
ATTENTIVE = ("attention_rollout", "attention_gradient")
ATTENTION = ("transformer_encoder", "vit", "coatnet", "transformer_masked")
NAMED |= {(name, network): "attention" for name in ATTENTIVE for network in ZOO if network not in (*ATTENTION, "int8")}
NAMED |= {(name, "swin_masked"): "not known" for name in ATTENTIVE}

# What stops the other method stops these.
NAMED |= {
    (name, network): NAMED[like, network]
    for name, like in SLICED.items()
    for network in ZOO
    if (like, network) in NAMED
}


def error_of(method: str, network: str) -> str | None:
    """Return the words of the error that a method ends in on a network of the zoo; None where it gives a result."""
    entry = METHODS[method]
    if network == "int8" and entry.needs_gradient and entry.kind == "attribution":
        return NO_GRADIENT
    return NAMED.get((method, network))


def usual(method: str, network: str = "plain") -> str:
    """Return a network of the zoo that a method gives a result for: where it wants attention, one that has some."""
    return "transformer_encoder" if method in ATTENTIVE else network


def cells() -> list[tuple[str, str]]:
    """Return the pairs of method and network that the contract test tries."""
    whole = bool(os.environ.get("XAI_WHOLE_MATRIX"))
    sliced = {**dict.fromkeys(SLICED, SLICE), **dict.fromkeys(ATTENTIVE, (*ATTENTION, *SLICE))}
    return [(name, network) for name in METHODS for network in (ZOO if whole else sliced.get(name, ZOO))]


def matrix() -> str:
    """Return the matrix as a table in Markdown: a dot for a result, the words of the error for the rest."""
    names = list(METHODS)
    lines = ["| network | a result | a named error |", "|---|---|---|"]
    for network in ZOO:
        by_words: dict[str, list[str]] = {}
        for name in names:
            words = error_of(name, network)
            if words is not None:
                by_words.setdefault(words, []).append(name)
        count = len(names) - sum(map(len, by_words.values()))
        errors = [f"{', '.join(named)}: {words}" for words, named in by_words.items()]
        lines.append(f"| {network} | {'all' if not errors else count} of {len(names)} | {'; '.join(errors)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(matrix() + "\n")
