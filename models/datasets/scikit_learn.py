"""The small data sets that scikit-learn's wheel brings along: digits, breast cancer, diabetes."""

from __future__ import annotations

import torch
from sklearn import datasets

from models.datasets import Dataset
from models.datasets.splits import stratified
from xai.inputs.image import ImageInput
from xai.inputs.table import TabularInput

__all__ = ["breast_cancer", "diabetes", "diabetes_bmi", "digits"]


def digits() -> Dataset:
    """Return 1,438 handwritten digits of 8 x 8 pixels to train on and 359 to test, pixels 0..1 (16 levels).

    Source: Alpaydin, Kaynak 1998, UCI, CC BY 4.0. The people who wrote are not told apart: both parts have all.
    """
    found = datasets.load_digits()
    images = torch.from_numpy(found.images).float().view(-1, 1, 8, 8) / 16
    labels = torch.from_numpy(found.target).long()
    train, test = stratified(labels, 0.2)
    mean, std = float(images[train].mean()), float(images[train].std())
    return Dataset(
        name="digits, 8 x 8 pixels",
        input=ImageInput((1, 8, 8), mean=[round(mean, 4)], std=[round(std, 4)]),
        classes=tuple(str(digit) for digit in range(10)),
        train_inputs=images[train],
        train_labels=labels[train],
        test_inputs=images[test],
        test_labels=labels[test],
    )


def breast_cancer() -> Dataset:
    """Return 456 tumors with 30 measures of their cells' nuclei to train on and 113 to test; 1 is benign.

    Source: Wolberg et al. 1995, Breast Cancer Wisconsin (Diagnostic), UCI, CC BY 4.0.
    """
    found = datasets.load_breast_cancer()
    rows = torch.from_numpy(found.data).float()
    labels = torch.from_numpy(found.target).long()
    train, test = stratified(labels, 0.2)
    return Dataset(
        name="breast cancer, Wisconsin",
        input=TabularInput([str(name) for name in found.feature_names]),
        classes=tuple(str(name) for name in found.target_names),
        train_inputs=rows[train],
        train_labels=labels[train],
        test_inputs=rows[test],
        test_labels=labels[test],
    )


def diabetes() -> Dataset:
    """Return 354 patients with 10 measures to train on and 88 to test; the label is how the disease went on in a year.

    In their own units (years, kg/m2, mmHg, mg/dl, ...); sex is a category, coded 1 and 2 in the source without saying
    which is which. The label runs from 25 to 346. Source: Efron et al. 2004, Least angle regression.
    """
    found = datasets.load_diabetes(scaled=False)
    rows = torch.from_numpy(found.data).float()
    names = [str(name) for name in found.feature_names]
    rows[:, names.index("sex")] -= 1
    return _regression("diabetes", TabularInput(names, categorical={"sex": ["1", "2"]}), rows, found.target)


def diabetes_bmi() -> Dataset:
    """Return the same patients with one input, the body mass index (kg/m2)."""
    found = datasets.load_diabetes(scaled=False)
    rows = torch.from_numpy(found.data[:, [found.feature_names.index("bmi")]]).float()
    return _regression("diabetes, body mass index", TabularInput(["bmi"]), rows, found.target)


def _regression(name: str, input: TabularInput, rows: torch.Tensor, target: object) -> Dataset:
    labels = torch.as_tensor(target).float()[:, None]
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    test, train = order[: len(rows) // 5], order[len(rows) // 5 :]
    return Dataset(
        name=name,
        input=input,
        classes=("progression",),
        train_inputs=rows[train],
        train_labels=labels[train],
        test_inputs=rows[test],
        test_labels=labels[test],
    )
