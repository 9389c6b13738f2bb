"""Two versions of a model on the same rows: what moved between them, beyond what another seed makes."""
