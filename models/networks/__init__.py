"""Networks, one file per family; each factory returns a plain torch module."""
