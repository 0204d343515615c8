"""The part of galaxy-edge that runs at the telescope.

Importing this package is cheap on purpose: no TensorFlow, no web server and
no camera library is loaded until the module that needs it is imported.
"""

__version__ = "0.1.0"
