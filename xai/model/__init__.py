"""A network as data, and the session that runs it."""
