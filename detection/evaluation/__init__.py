"""What a detector finds on labelled frames: figures, curves, strata, errors and comparisons."""
