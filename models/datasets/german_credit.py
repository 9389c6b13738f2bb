"""German credit: was a loan paid back? Applicants of a bank in the 1970s."""

from __future__ import annotations

import torch

from models.datasets import Dataset, read_vendored
from models.datasets.splits import stratified
from models.datasets.tables import encode
from xai.inputs.table import TabularInput

__all__ = ["german_credit"]

# The source's columns in order; where a column is a category, what its codes mean, as the source's documentation says.
COLUMNS: dict[str, dict[str, str] | None] = {
    "checking_account": {
        "A11": "below 0 DM", "A12": "0 to 200 DM", "A13": "200 DM or more", "A14": "none",
    },
    "months": None,
    "credit_history": {
        "A30": "no credits or all paid back", "A31": "all credits here paid back", "A32": "paid back till now",
        "A33": "delays in the past", "A34": "critical or other credits",
    },
    "purpose": {
        "A40": "new car", "A41": "used car", "A42": "furniture", "A43": "radio or television", "A44": "appliances",
        "A45": "repairs", "A46": "education", "A48": "retraining", "A49": "business", "A410": "others",
    },
    "amount": None,
    "savings": {
        "A61": "below 100 DM", "A62": "100 to 500 DM", "A63": "500 to 1000 DM", "A64": "1000 DM or more",
        "A65": "unknown or none",
    },
    "employed_since": {
        "A71": "unemployed", "A72": "less than 1 year", "A73": "1 to 4 years", "A74": "4 to 7 years",
        "A75": "7 years or more",
    },
    "rate_percent_of_income": None,
    "personal_status": {
        "A91": "man, divorced or separated", "A92": "woman, not single", "A93": "man, single",
        "A94": "man, married or widowed",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "years_at_residence": None,
    "property": {
        "A121": "real estate", "A122": "savings agreement or life insurance", "A123": "car or other",
        "A124": "unknown or none",
    },
    "age": None,
    "other_plans": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "free"},
    "credits_here": None,
    "job": {
        "A171": "unemployed or unskilled, non-resident", "A172": "unskilled, resident", "A173": "skilled",
        "A174": "management or self-employed",
    },
    "dependents": None,
    "telephone": {"A191": "none", "A192": "yes"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
}  # fmt: skip


def german_credit() -> Dataset:
    """Return 800 applicants to train on and 200 to test, 20 columns, 13 of them categories; class 1 is "bad", 30 %.

    Source: see data/german_credit.NOTICE. `personal_status` (which holds the sex), `age` and `foreign_worker` are there
    for audits.
    """
    lines = [line.split() for line in read_vendored("german_credit.data.gz").splitlines() if line.strip()]
    names = list(COLUMNS)
    categorical = {name: list(codes.values()) for name, codes in COLUMNS.items() if codes}
    spelled = [
        [(COLUMNS[name] or {}).get(word, word) for name, word in zip(names, line[:-1], strict=True)] for line in lines
    ]
    rows = encode(spelled, names, categorical)
    labels = torch.tensor([int(line[-1] == "2") for line in lines])
    train, test = stratified(labels, 0.2)
    return Dataset(
        name="German credit",
        input=TabularInput(names, categorical=categorical),
        classes=("good", "bad"),
        train_inputs=rows[train],
        train_labels=labels[train],
        test_inputs=rows[test],
        test_labels=labels[test],
        protected=("personal_status", "age", "foreign_worker"),
    )
