"""The lecture's reference networks: data, networks, heads, optimizers, training, and named recipes of all these."""
