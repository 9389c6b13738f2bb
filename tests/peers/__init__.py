"""Tests that other libraries bring, run through this one where they are found."""
