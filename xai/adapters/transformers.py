"""Classifiers of Hugging Face as models: network, tokenizer, names of the labels and what their numbers mean."""

from __future__ import annotations

from typing import Any

from torch import nn

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.base.extras import import_extra
from xai.inputs.text import TextInput
from xai.model.model import Model

__all__ = ["from_transformers"]

# What `problem_type` calls each task.
TASKS = {
    "regression": "regression",
    "single_label_classification": "classification",
    "multi_label_classification": "multilabel",
}
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForSeq2SeqLM")


@names_errors("from_transformers")
def from_transformers(
    network: Any, tokenizer: Any = None, *, max_length: int | None = None, name: str | None = None
) -> Model:
    """Return a classifier of texts of Hugging Face as a model, with its tokenizer and the names of its labels.

    Args:
        network: A pipeline of "text-classification", or a network such as AutoModelForSequenceClassification makes.
        tokenizer: That of the network, fast or slow, where it is no pipeline.
        max_length: The most tokens that the network reads; None is what tokenizer or network say.
        name: What reports call it; by default the name that it was loaded by.

    Returns:
        The model. Its classes are those of `config.id2label`, by their ids; the task is that of `config.problem_type`
        (of one label alone regression, as Hugging Face trains it).

    Raises:
        InputError: transformers is not installed, the network is none of these, or the tokenizer is missing.

    >>> from transformers import pipeline
    >>> import xai
    >>> model = xai.from_transformers(pipeline("text-classification"))  # doctest: +SKIP
    """
    if not isinstance(network, nn.Module) and _is_pipeline(network):
        tokenizer = network.tokenizer if tokenizer is None else tokenizer
        max_length = max_length or getattr(network, "_preprocess_params", {}).get("max_length")
        network = network.model
    max_length = None if max_length is None else whole_number("max_length", max_length, 1)
    config = getattr(network, "config", None)
    if not isinstance(network, nn.Module) or not hasattr(config, "id2label"):
        wanted = "a pipeline or a network of transformers that classifies texts"
        raise InputError("network", expected=wanted, got=describe(network))
    kind = type(network).__name__
    if kind.endswith(WRITERS):
        wanted = "a network that classifies texts (xai.prompt_attribution explains what a network writes)"
        raise InputError("network", expected=wanted, got=kind)
    if tokenizer is None:
        raise InputError("tokenizer", expected="that of the network", got="none")
    input = TextInput.of(tokenizer, max_length or _longest(network, tokenizer))
    task = _task(config)
    names = [str(config.id2label[number]) for number in sorted(config.id2label)]
    loaded_as = str(getattr(config, "name_or_path", "") or "").rstrip("/").rpartition("/")[2]
    return Model(network, task=task, classes=names, input=input, name=name or loaded_as or kind)


def _is_pipeline(value: object) -> bool:
    """Say whether a value is a pipeline; a network by itself needs no more of the package than it has loaded."""
    import_extra("transformers", "texts")
    return isinstance(value, import_extra("transformers.pipelines", "texts").Pipeline)


def _task(config: Any) -> str:
    declared = getattr(config, "problem_type", None)
    if declared is None:
        return "regression" if len(config.id2label) == 1 else "classification"
    if declared not in TASKS:
        raise InputError("network", expected=f"a problem_type among {', '.join(TASKS)}", got=repr(declared))
    return TASKS[declared]


def _longest(network: nn.Module, tokenizer: Any) -> int | None:
    """Return how many tokens a network has positions for, where the tokenizer does not say it; None where any do."""
    declared = getattr(tokenizer, "model_max_length", None)
    if declared is not None and declared < 10**6:
        return None  # the tokenizer's own
    positions = getattr(network.config, "max_position_embeddings", None)
    if positions is None:
        return None
    tables = [part for name, part in network.named_modules() if name.endswith("position_embeddings")]
    # Where padding has a position of its own, those of tokens begin behind it.
    kept = [int(part.padding_idx) + 1 for part in tables if getattr(part, "padding_idx", None) is not None]
    return int(positions) - max(kept, default=0)
