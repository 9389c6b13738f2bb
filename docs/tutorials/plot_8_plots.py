"""
Plots you know
==============

Waterfall, beeswarm, heat map, colored text, overlays: each is one function of ``xai.plots``, takes ``ax=``, and returns
the axes. Orange counts for the class and blue against it, on every one.
"""

# sphinx_gallery_thumbnail_number = 3

# %%
# A model of a table, and Shapley values of forty rows.

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import xai
from xai import plots

table = load_breast_cancer(as_frame=True)
fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(table.data, table.target)
model = xai.from_sklearn(fitted, table.data, target_names=["malignant", "benign"])
rows = xai.kernel_shap(model, table.data[:40], "malignant", background=table.data[:10], samples=128)

# %%
# One row as a waterfall: from the answer without it to the answer with it.

plots.waterfall(rows, 1).figure

# %%
# One row as bars, with 95 % intervals.

plots.bar(rows, 1).figure

# %%
# Many rows as a beeswarm: a point per row and column, colored by the number in the column.

plots.beeswarm(rows).figure

# %%
# Many rows as a heat map: rows that are explained alike stand beside each other.

plots.heatmap(rows).figure

# %%
# A text: the stronger the color, the more the word counts.

SAYS = {"wonderful": 2.0, "dull": -2.0, "but": 0.3}


def opinion(texts):
    import numpy as np

    scores = np.array([sum(SAYS.get(word, 0.0) for word in text.lower().replace(",", "").split()) for text in texts])
    positive = 1 / (1 + np.exp(-scores))
    return np.stack([1 - positive, positive], axis=1)


critic = xai.Model.from_callable(opinion, classes=["negative", "positive"], input=xai.TextInput())
words = xai.lime_text(critic, "A dull story, but wonderful actors.", "positive", samples=300)
plots.text(words).figure

# %%
# An image: the map over the picture, its contours, and only the part that matters most.

from pathlib import Path

import matplotlib.pyplot as plt

from models.recipes import load_data, train_recipe

if not Path("runs/mnist-cnn").exists():
    train_recipe("mnist-cnn", "runs/mnist-cnn", epochs=4)
network = xai.load("runs/mnist-cnn")
digit = xai.gradcam(network, load_data("mnist-cnn").test_inputs[300:301])
figure, axes = plt.subplots(1, 3, figsize=(9, 3))
plots.overlay(digit, ax=axes[0])
plots.contour(digit, ax=axes[1])
plots.mask(digit, ax=axes[2])
figure.tight_layout()

# %%
# A training curve, from the history that any loop keeps.

plots.training_curve({"training loss": [1.2, 0.6, 0.4, 0.3], "validation loss": [1.2, 0.7, 0.6, 0.65]}).figure

# %%
# The gates of a recurrent network, step by step: every result has ``plot()``.

import torch
from torch import nn


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, series):
        return self.head(self.gru(series)[0][:, -1])


torch.manual_seed(0)
reader = xai.Model(Reader(), classes=["falls", "rises"], input=xai.SequenceInput(["a", "b"], length=12))
series = torch.stack([torch.linspace(-1, 1, 12), torch.sin(torch.arange(12.0))], 1)[None]
xai.gate_activations(reader, series).plot()
