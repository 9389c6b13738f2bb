"""
Convolutional networks
======================

The same small detector at every place, then the largest answer of each neighborhood.
"""

# %%
# A feature map by hand, through pooling to the fully connected layer.

import pandas as pd

from models.lecture import run
from models.lecture.worked import work
from xai.plots.panels import panel_figure

example = work("feature_map")
rows = [(item.name, item.wanted, item.got, "yes" if item.agrees else "no") for item in example.comparisons]
pd.DataFrame(rows, columns=["what", "by hand", "code", "agree"])

# %%
# Claim 4: max pooling makes a network tolerate small shifts of the input.

outcome = run("max_pooling")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)
panel_figure(outcome.panels[0])

# %%
# The other side of it: how much accuracy a shift costs.

panel_figure(outcome.panels[-1])
