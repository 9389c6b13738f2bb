"""What a model folder may name of this package without being trusted, beside its module classes.

A factory that is a function can do anything, so only these can be named; nothing here runs what it is given. A network
that is added here takes numbers, strings, booleans and lists of those.
"""

from __future__ import annotations

__all__ = ["FACTORIES", "WRAPPERS"]

FACTORIES = frozenset({
    "models.networks.convolutional:convolutional",
    "models.networks.feedforward:feedforward",
    "models.networks.neuron:neuron",
    "models.networks.recurrent:recurrent",
    "models.networks.recurrent:text_recurrent",
    "models.networks.seq2seq:encoder_decoder",
})  # fmt: skip

# These change the network of another factory, which they name with its arguments; that one is held to the same rule.
WRAPPERS = frozenset({"models.compression.folders:coarse", "models.compression.folders:smaller"})
