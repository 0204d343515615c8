"""Commands of the classifiers, one file each."""
