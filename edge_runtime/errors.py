"""Errors a user can act on.

Every error says what was wrong, where (file, key, device) and what to do.
The command line prints these without a traceback; anything else is a bug.
"""


class GalaxyEdgeError(Exception):
    """Base of all errors whose message is written for the user.

    The command line ends with exit code 1 for it.
    """


class ConfigError(GalaxyEdgeError):
    """A configuration or command-line value is wrong (exit code 2)."""


class FrameError(GalaxyEdgeError):
    """A picture, FITS file or video cannot be read as a frame."""


class CameraError(GalaxyEdgeError):
    """A camera or other frame source cannot be opened or has failed."""


class BundleError(GalaxyEdgeError):
    """A model bundle is damaged, hostile, too new or fails its self-test."""


class StoreError(GalaxyEdgeError):
    """The sighting store cannot be opened or written."""
