"""Sets of single galaxies: pictures with a galaxy in the middle, and what is known of each."""
