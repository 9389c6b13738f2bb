"""Speed as a ratio: this library, its peer and the physical limit in one process, one after the other."""
