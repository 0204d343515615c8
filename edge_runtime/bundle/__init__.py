"""Model bundles: the folder or zip that holds what the edge runs."""

from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.bundle.schema import Manifest

__all__ = ["Bundle", "Manifest", "load_bundle"]
