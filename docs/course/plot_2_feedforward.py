"""
Feed-forward networks
=====================

Layers without an activation between them are one layer. Activations, heads, the chain rule, and the update rules.
"""

# %%
# Forward and backward by hand: gradients add at branches.

import pandas as pd

from models.lecture import run
from models.lecture.worked import work
from xai.plots.panels import panel_figure


def by_hand(name):
    """Show a worked example as a table."""
    example = work(name)
    rows = [(item.name, item.wanted, item.got, "yes" if item.agrees else "no") for item in example.comparisons]
    return pd.DataFrame(rows, columns=["what", "by hand", "code", "agree"])


by_hand("chain_rule")

# %%
# The four heads: a number, yes or no, one of many, several of many.

by_hand("heads")

# %%
# The seven update rules after their first steps.

by_hand("update_rules")

# %%
# Claim 1: stacking linear layers gives no more power than one; a hidden layer with ReLU does.

outcome = run("linear_stacks")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)
panel_figure(outcome.panels[0])

# %%
# Claim 16: mini-batches reduce the variance of weight updates.

outcome = run("mini_batches")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)
panel_figure(outcome.panels[0])
