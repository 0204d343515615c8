"""K-fold cross-validation of detector families on labelled pictures."""
