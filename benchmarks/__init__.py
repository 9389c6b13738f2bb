"""Measurements: we, the peer and the physical limit in one process, printed as ratios."""
