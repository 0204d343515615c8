"""Architectures of the morphology classifiers, by name."""

from classification.models.registry import Architecture, architecture, create_model, model_names

__all__ = ["Architecture", "architecture", "create_model", "model_names"]
