"""LIME: a simple model fitted to a network's answers around one input, with error bars."""
