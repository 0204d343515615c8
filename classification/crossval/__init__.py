"""K-fold cross-validation of classifiers on labelled galaxies."""
