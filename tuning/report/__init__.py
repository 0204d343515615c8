"""Pages about hyper-parameter searches."""
