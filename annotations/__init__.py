"""Labelled data: readers of real sets, their splits, and composites."""
