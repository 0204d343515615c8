"""What layers see in a crop, beside what their channels look for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from annotations.html_page import picture_uri
from classification.explain.activations import activations
from classification.explain.filters import filter_pictures
from classification.explain.keras_network import KerasNetwork

CHANNELS = 6
"""Shown of each layer: those that vary most over the crop."""

_CELL_PX = 110
_COLOURS = "cividis"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One channel.

    Attributes
    ----------
    channel : int
    activation : str
        Data URI.
    looks_for : str
        Data URI of a picture that excites it; empty where none was drawn.
    """

    channel: int
    activation: str
    looks_for: str


@dataclass(frozen=True, slots=True)
class LayerView:
    """One layer.

    Attributes
    ----------
    layer : str
    shape : tuple of int
        Height, width and channels of what it gives.
    channels : tuple of ChannelView
    """

    layer: str
    shape: tuple[int, ...]
    channels: tuple[ChannelView, ...]


def layer_views(
    network: KerasNetwork,
    crop: NDArray[np.uint8],
    layers: Sequence[str] | None = None,
    *,
    filters: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[LayerView, ...]:
    """Look into a network.

    Parameters
    ----------
    network : KerasNetwork
    crop : ndarray, shape (S, S, 3), uint8
    layers : sequence of str, optional
        Names; left out, the last layer of each size.
    filters : bool
        Whether to draw what the channels look for, too, by gradient ascent.
    seed : int
    progress : callable, optional

    Raises
    ------
    GalaxyEdgeError
        There is no such layer, or it gives no pictures; the message lists those that do.
    """
    found = activations(network, crop, layers)
    views = []
    for done, each in enumerate(found):
        if progress is not None:
            progress(f"looking into {network.name}", done, len(found))
        chosen = each.strongest(CHANNELS)
        wanted = [""] * len(chosen)
        if filters:
            drawn = filter_pictures(network, each.layer, chosen, seed=seed)
            wanted = [picture_uri(_enlarged(picture.picture)) for picture in drawn]
        pictures = each.pictures(chosen)
        views.append(
            LayerView(
                each.layer,
                tuple(each.values.shape),
                tuple(
                    ChannelView(channel, picture_uri(_coloured(picture)), looks_for)
                    for channel, picture, looks_for in zip(chosen, pictures, wanted, strict=True)
                ),
            )
        )
    return tuple(views)


def _coloured(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shades = matplotlib.colormaps[_COLOURS](_enlarged(picture))[:, :, :3]
    return np.ascontiguousarray(np.rint(255 * shades), dtype=np.uint8)


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels stay visible where a layer has few of them."""
    how = cv2.INTER_AREA if len(picture) > _CELL_PX else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (_CELL_PX, _CELL_PX), interpolation=how), np.uint8)
