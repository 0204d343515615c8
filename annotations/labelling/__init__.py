"""Labelling by hand: labelImg, started so that it works and saves where one expects."""
