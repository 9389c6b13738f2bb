"""Smaller networks that say the same: fewer units, fewer connections, fewer bits."""
