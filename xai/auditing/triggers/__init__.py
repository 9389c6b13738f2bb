"""Triggers that an audit plants or looks for."""
