"""The interface every frame source implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType

from edge_runtime.frame import Frame


class Camera(ABC):
    """A source of frames, used as a context manager.

    A driver is one file in this package. It imports its hardware library
    inside ``open`` and raises ``CameraError`` with the device's name where the
    device is missing.

    Attributes
    ----------
    name : str
        Name that frames carry in ``Frame.camera``.
    live : bool
        True where frames happen whether or not they are read (a camera): the
        capture process then keeps only the newest. False where every frame
        must be delivered (files, videos, a simulated tour).
    """

    name: str = "camera"
    live: bool = True

    @abstractmethod
    def open(self) -> None:
        """Connect to the device or open the file.

        Raises
        ------
        CameraError
            The device or file is missing or unreadable; the message names it.
        """

    @abstractmethod
    def read(self) -> Frame | None:
        """Return the next frame, or None at the end of the source.

        Raises
        ------
        FrameError
            This frame is unreadable; the next call goes on with the next one.
        CameraError
            The device is gone; reopening may help.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device; may be called twice."""

    def __enter__(self) -> Camera:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
