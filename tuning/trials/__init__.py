"""One trial of a search: train a network, export it, score and measure the file."""
