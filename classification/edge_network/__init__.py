"""The network of the bundle: votes, classes, galaxy or not, of crops as telescopes make them."""
