"""The command line: one command per file; each parses, makes one library call, and prints the path of the result."""
