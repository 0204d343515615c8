"""The pipeline over files: ``galaxy-edge process``.

See ``edge_runtime.processing.batch.process_paths``.
"""
