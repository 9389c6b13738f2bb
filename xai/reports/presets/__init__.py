"""The presets: each is a function that returns the sections of one kind of report, and one that makes it."""
