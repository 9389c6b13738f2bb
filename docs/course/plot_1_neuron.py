"""
The neuron
==========

A weight, a prediction, an error, and a step downhill: everything larger is made of this.
"""

# %%
# The lecture's weight of 0.1 by hand, beside what the code computes.

import pandas as pd

from models.lecture import run
from models.lecture.worked import work


def by_hand(name):
    """Show a worked example as a table."""
    example = work(name)
    rows = [(item.name, item.wanted, item.got, "yes" if item.agrees else "no") for item in example.comparisons]
    return pd.DataFrame(rows, columns=["what", "by hand", "code", "agree"])


by_hand("neuron")

# %%
# Claim 18: alpha scales the update, and tames divergence when the input is large.

outcome = run("divergence")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)

# %%
# What happens where it diverges, and where it does not.

from xai.plots.panels import panel_figure

panel_figure(outcome.panels[0])

# %%
# Claim 3: a weight learns the correlation of its input with the output.

outcome = run("correlation")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)
panel_figure(outcome.panels[0])
