"""What the fuzzer calls: models of other libraries. Where one is not installed, its adapter says so."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier
from torch import nn

import xai
from tests import optional
from tests.fuzz_values import add

FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32), columns=list("abc"))
LABELS = (FRAME.a > 0).astype(int)


@functools.cache
def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=2, random_state=0).fit(FRAME, LABELS)


@functools.cache
def hugging() -> tuple[Any, Any, Any]:
    """Return a small classifier, one that writes, and a tokenizer."""
    if importlib.util.find_spec("transformers") is None:
        return nn.Linear(2, 2), nn.Linear(2, 2), None
    from tests.texts import small

    return small.bert(), small.gpt(), small.bert_tokenizer()


def picture(package: str, name: str) -> dict[str, object]:
    """Return the name of a small network of a package; its import is mended first."""
    if importlib.util.find_spec(package) is not None:
        optional.NEEDED[package]()
    return {"network": name}


def answers(rows: object = FRAME[:2], **given: object) -> object:
    return xai.from_sklearn(**given).predict(rows)


add("from_sklearn", answers, lambda: {
    "estimator": tree(), "frame": FRAME, "target_names": None, "groups": None, "name": None,
    "rows": FRAME[:2]})  # fmt: skip
add("tree_shap", xai.tree_shap, lambda: {
    "model": xai.from_sklearn(tree(), FRAME), "inputs": FRAME[:2], "target": 0, "background": FRAME})  # fmt: skip
add("from_timm", xai.from_timm, lambda: picture("timm", "test_resnet"))
add("from_torchvision", xai.from_torchvision, lambda: picture("torchvision", "squeezenet1_1"))
add("from_transformers", xai.from_transformers, lambda: {"network": hugging()[0], "tokenizer": hugging()[2]})
add("prompt_attribution", xai.prompt_attribution, lambda: {
    "network": hugging()[1], "tokenizer": hugging()[2], "prompt": "a dull film", "continuation": " good",
    "methods": ["occlusion"], "controls": 19})  # fmt: skip
