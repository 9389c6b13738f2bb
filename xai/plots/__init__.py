"""Results as matplotlib figures: one look for scripts, notebooks and reports."""
