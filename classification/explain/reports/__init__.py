"""Pages about explanations."""
