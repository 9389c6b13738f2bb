"""
Reading a report: what evidence says, and what it does not
===========================================================

The same digit, a method that deserves some trust, and a picture that deserves none although it looks as good.
"""

# %%
# A trained network and one image.

from pathlib import Path

import matplotlib.pyplot as plt

import xai
from models.recipes import load_data, train_recipe
from xai import plots

if not Path("runs/mnist-cnn").exists():
    train_recipe("mnist-cnn", "runs/mnist-cnn", epochs=4)
model = xai.load("runs/mnist-cnn")
image = load_data("mnist-cnn").test_inputs[3:4]

# %%
# Two pictures. Which one would you believe?

explanations = [xai.occlusion(model, image), xai.guided_backprop(model, image)]
figure, axes = plt.subplots(1, 2, figsize=(6, 3))
for explanation, place in zip(explanations, axes, strict=True):
    plots.overlay(explanation, ax=place)

# %%
# Each check has a control that must fail: the same map moved elsewhere, the network with shuffled weights.

for explanation in explanations:
    verified = xai.verify(model, explanation, ["deletion", "randomization", "stability"])
    print(explanation.method)
    for finding in verified.evidence[0]:
        print(f"   {finding.check:14} {finding.status:10} {finding.text}")

# %%
# How to read a finding:
#
# - **pass** means that this check did not refute the picture. It does not mean that the network looks there for a
#   *good* reason.
# - **fail** of *deletion* or *insertion* means that other places of the same size matter as much: the picture shows
#   the wrong ones.
# - **fail** of *randomization* means that the picture comes out much the same with shuffled weights: it shows the
#   image, not what the network learned.
# - **untestable** is no half of a pass. The report folds these rows into one line that opens.
#
# Deletion blurs what it removes, which is no natural image either. How often the checks are right was measured on
# networks with a planted truth; the page on evidence in the chapter *Explanation* has the figures.
