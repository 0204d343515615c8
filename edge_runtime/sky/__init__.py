"""A simulated sky: catalogue galaxies, statistical stars, optics and noise.

``catalogue`` reads the OpenNGC galaxies, ``morphology`` turns a Hubble type into
the parameters of a galaxy and ``galaxies`` draws it, ``stars`` populates the
field, ``optics`` and ``noise`` do what a telescope and a sensor do, and ``scene``
puts them together into exposures with a WCS and the truth about what they show.
``artefacts`` holds what spoils real pictures, for training detectors.
"""
