"""
A recurrent network on series
=============================

Nine speakers say a vowel; a GRU tells who it was from 12 numbers per step. When did it know, and by which number?
"""

# %%
# A trained network, and one utterance.

from pathlib import Path

import xai
from models.recipes import load_data, train_recipe

if not Path("runs/vowels-gru").exists():
    train_recipe("vowels-gru", "runs/vowels-gru", epochs=12)
model = xai.load("runs/vowels-gru")
data = load_data("vowels-gru")
one = data.test_inputs[:1]
print(f"{xai.measure_performance(model, data.test_inputs, data.test_labels).accuracy:.1%} right")

# %%
# What mattered, when: channels down, steps along.

made = xai.integrated_gradients(model, one, baseline="mean")
made.plot()

# %%
# Windows of steps, with error bars: the linear model around this utterance.

from xai import plots

plots.bar(xai.lime_series(model, one, window=3, samples=400)).figure

# %%
# What the gates do at each step. They are computed from the network's own weights, and give its states again.

gates = xai.gate_activations(model, one)
gates.plot()

# %%
# How far to believe it.

for finding in xai.verify(model, made, ["deletion", "stability", "completeness"]).evidence[0]:
    print(finding.check, finding.status, "-", finding.text)
