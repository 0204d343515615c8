"""Why the detector finds a box: saliency of the int8 file that the telescope runs."""
