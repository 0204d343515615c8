"""Hyper-parameter searches for networks that must fit a telescope's budget."""
