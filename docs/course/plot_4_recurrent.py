"""
Recurrent networks
==================

The same weights at every step: what that does to gradients, and what gates do about it.
"""

# %%
# A simple RNN by hand, with its gradients through time.

import pandas as pd

from models.lecture import run
from models.lecture.worked import work
from xai.plots.panels import panel_figure


def by_hand(name):
    """Show a worked example as a table."""
    example = work(name)
    rows = [(item.name, item.wanted, item.got, "yes" if item.agrees else "no") for item in example.comparisons]
    return pd.DataFrame(rows, columns=["what", "by hand", "code", "agree"])


by_hand("simple_rnn")

# %%
# The gates of an LSTM and a GRU.

by_hand("gates")

# %%
# Claim 5: gradients of a simple RNN vanish or explode with the lag; the paths of LSTM and GRU keep them. The first
# half holds; the second only with an opened gate, and the figure shows from which bias on.

outcome = run("recurrent_gradients")
print("holds" if outcome.held else "does not hold", "-", outcome.measured)
panel_figure(outcome.panels[0])
