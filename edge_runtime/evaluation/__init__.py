"""Quality of a bundle on labelled data; needs only the base install."""
