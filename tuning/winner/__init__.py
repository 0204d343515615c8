"""A trial of a search trained again, judged beside the hand-made default, and put into a bundle."""
