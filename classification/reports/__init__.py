"""Pages about trained classifiers."""
