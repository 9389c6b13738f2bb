"""Which parts of an input mattered for an output: a family of methods per file, a function per method."""
