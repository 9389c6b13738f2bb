"""
Explainable AI
==============

Local or global, agnostic or specific, intrinsic or post hoc: three labels of each method, and what they mean.
"""

# %%
# Every method of the toolkit with its three labels.

import pandas as pd

from xai.methods import METHODS, MODEL_METHODS

rows = [(name, spec.scope, spec.access, spec.stage, spec.summary) for name, spec in (METHODS | MODEL_METHODS).items()]
pd.DataFrame(rows, columns=["method", "scope", "access", "stage", "says"])

# %%
# Intrinsic: a linear model is its own explanation. For it, every additive method finds weight times input.

import torch
from torch import nn

import xai

torch.manual_seed(0)
layer = nn.Linear(3, 2)
linear = xai.Model(layer, classes=["no", "yes"], input=xai.TabularInput(["age", "income", "years"]))
row = torch.tensor([[0.5, -1.0, 2.0]])
methods = ("integrated_gradients", "deeplift", "kernel_shap")
found = {name: getattr(xai, name)(linear, row, "yes").values[0] for name in methods}
found["weight times input"] = layer.weight[1].detach() * row[0]
pd.DataFrame({name: values.tolist() for name, values in found.items()}, index=["age", "income", "years"]).round(4)

# %%
# Post hoc and global: a tree that imitates a network, with how often it succeeds on rows that it has not seen.

torch.manual_seed(2)
rows = torch.randn(400, 3)
network = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
tree = xai.surrogate_tree(xai.Model(network, classes=["no", "yes"], input=linear.input), rows, leaves=6)
print(f"fidelity {tree.fidelity:.1%}, one answer for all {tree.baseline:.1%}")
tree.plot()

# %%
# Post hoc and local: the chapter before this course, :doc:`/auto_tutorials/index`, has one page for each kind of
# input.
