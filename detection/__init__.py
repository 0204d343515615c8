"""Training and export of the galaxy detectors, on TensorFlow Model Garden."""
