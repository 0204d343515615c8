"""Frames from a camera driver in a process of its own.

A driver that hangs or crashes takes only its own process with it: the parent
kills it and starts it again, and the daemon goes on. See
``edge_runtime.capture.process`` for the one class to use.
"""

from edge_runtime.capture.process import CaptureProcess, EndOfSource, FrameFault

__all__ = ["CaptureProcess", "EndOfSource", "FrameFault"]
