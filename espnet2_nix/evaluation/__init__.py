"""Judging speech: distances, rates and the result table."""
