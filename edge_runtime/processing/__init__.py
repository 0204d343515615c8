"""The pipeline over files: ``galaxy-edge process``."""

from edge_runtime.processing.batch import ProcessSummary, process_paths

__all__ = ["ProcessSummary", "process_paths"]
