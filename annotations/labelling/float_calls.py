"""Lets labelImg 1.8.6 run where Python no longer turns floats into integers.

Since Python 3.10 an extension refuses a float where it expects an integer.
labelImg, written before that, hands floats to these calls of Qt:

======================================  ==============================================
where                                   call
======================================  ==============================================
drawing a box (``libs/canvas.py``)      ``QPainter.drawRect``, ``QPainter.drawLine``
names of boxes (``libs/shape.py``)      ``QPainter.drawText``
zooming with the wheel                  ``QSpinBox.setValue``, ``QScrollBar.setValue``
scrolling with the wheel, moving        ``QScrollBar.setValue``
the picture with the mouse              the signal ``Canvas.scrollRequest``
======================================  ==============================================

Painting goes to the overloads for floats, so that nothing is lost at high zoom;
values are rounded. The signal has integer arguments and would deliver whatever is
in memory, without an error; it is declared anew with a float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def accept_floats() -> None:
    """Make the calls of Qt that labelImg uses take floats.

    To be called once, before the window is made.

    Raises
    ------
    ModuleNotFoundError
        PyQt5 is not installed.
    """
    from PyQt5.QtCore import QLineF, QPointF, QRectF
    from PyQt5.QtGui import QPainter
    from PyQt5.QtWidgets import QScrollBar, QSpinBox

    _convert(QPainter, "drawRect", lambda *xywh: (QRectF(*xywh),))
    _convert(QPainter, "drawLine", lambda *ends: (QLineF(*ends),))
    _convert(QPainter, "drawText", lambda x, y, text: (QPointF(x, y), text))
    for slider in (QScrollBar, QSpinBox):
        _convert(slider, "setValue", lambda value: (round(value),))


def float_canvas(canvas: type) -> type:
    """Return labelImg's canvas with a scroll signal that can carry a float.

    Parameters
    ----------
    canvas : type
        ``libs.canvas.Canvas``.
    """
    from PyQt5.QtCore import pyqtSignal

    return type(canvas.__name__, (canvas,), {"scrollRequest": pyqtSignal(float, int)})


def _convert(owner: Any, name: str, convert: Callable[..., tuple[Any, ...]]) -> None:
    """Replace a method by one that converts its arguments where there is a float."""
    original = getattr(owner, name)

    def method(self: Any, *arguments: Any) -> Any:
        if any(isinstance(argument, float) for argument in arguments):
            arguments = convert(*arguments)
        return original(self, *arguments)

    setattr(owner, name, method)
