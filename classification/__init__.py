"""Training, evaluation and export of the morphology classifiers (Keras 3)."""
