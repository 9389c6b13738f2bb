"""
Regularization
==============

Penalties, noise, dropout, early stopping, augmentation: what keeps a network from learning its data by heart.
"""

# %%
# Penalties and dropout by hand.

import pandas as pd

from models.lecture import run
from models.lecture.worked import work
from xai.plots.panels import panel_figure


def by_hand(name):
    """Show a worked example as a table."""
    example = work(name)
    rows = [(item.name, item.wanted, item.got, "yes" if item.agrees else "no") for item in example.comparisons]
    return pd.DataFrame(rows, columns=["what", "by hand", "code", "agree"])


by_hand("penalties")

# %%
# Dropout: the average of the subnetworks, where everything after it is linear.

by_hand("dropout")

# %%
# Claim 8: an L1 penalty drives weights to zero, an L2 penalty makes them smaller.

outcome = run("weight_penalties")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)
panel_figure(outcome.panels[0])

# %%
# Claim 10, dropout lowers overfitting, with two seeds in place of twelve: the verdict of ``xai lecture dropout``
# counts.

outcome = run("dropout", seeds=2, epochs=40)
print(outcome.measured)
panel_figure(outcome.panels[0])
