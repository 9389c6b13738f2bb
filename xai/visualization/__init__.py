"""Feature visualization: images made to excite a unit, and how they compare with real ones."""
