"""A simulated sensor: from the light of a scene to raw counts."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.sky.colour import rgb_from_b_v
from edge_runtime.sky.instrument import TelescopeConfig
from edge_runtime.sky.noise import NoiseBank
from edge_runtime.sky.optics import linear_gradient, vignetting
from edge_runtime.sky.scene import MARGIN_PX

SKY_B_V = 0.85
"""Colour index of a suburban night sky."""

BAYER_PATTERN = "RGGB"

_STRIP_ROWS = 64

Plane = NDArray[np.float32]


class Sensor:
    """What stays the same from frame to frame: illumination, hot pixels, noise.

    Parameters
    ----------
    config : TelescopeConfig
    bank : NoiseBank, optional
        Noise to share with other sensors; one of its own, by the config's seed, where
        not given.
    """

    def __init__(self, config: TelescopeConfig, bank: NoiseBank | None = None) -> None:
        self.config = config
        height, width = config.height, config.width
        rng = np.random.default_rng([config.seed, 0x5E2])
        self._bank = (bank or NoiseBank(config.seed)) if config.noise else None
        self._falloff = vignetting(height, width, config.vignetting)
        angle = float(rng.uniform(0.0, 360.0))
        # A linear gradient is the sum of one row and one column.
        shape = linear_gradient(height, width, angle, config.sky_gradient)
        self._sky_row, self._sky_column = shape[:1].copy(), shape[:, :1] - shape[0, 0]
        count = int(rng.poisson(config.hot_pixel_share * width * height)) if config.noise else 0
        rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
        channels = rng.integers(0, 3, count)
        self._hot = (rows, columns, channels) if config.colour == "colour" else (rows, columns)
        self._hot_e_per_s = 10.0 ** rng.uniform(0.0, 2.0, count)

    def expose(
        self,
        planes: tuple[Plane, ...],
        exposure_s: float,
        rng: np.random.Generator,
        drift_xy_px: tuple[float, float],
    ) -> NDArray[np.uint16]:
        """Return the counts of an exposure.

        Shot noise is Gaussian with the variance of the Poisson law, which at the
        levels of deep-sky exposures (more than 20 electrons) is the same. Rows are
        worked on in strips that fit the processor's cache.

        Parameters
        ----------
        planes : tuple of ndarray, shape (H + 50, W + 50), float32
            Electrons per second, as in ``SkyScene``.
        exposure_s : float
            Exposure time in seconds.
        rng : numpy.random.Generator
            Noise of this frame.
        drift_xy_px : (float, float)
            Shift of the scene to the right and down, interpolated between pixels.

        Returns
        -------
        ndarray, shape (H, W) or (H, W, 3), uint16
        """
        config = self.config
        colour = config.colour == "colour"
        shape = (config.height, config.width, 3) if colour else (config.height, config.width)
        out = np.empty(shape, dtype=np.uint16)
        sky = config.sky_electrons_per_s * exposure_s * rgb_from_b_v(SKY_B_V)
        if config.colour == "mono":
            sky = sky.sum(keepdims=True)
        for top in range(0, config.height, _STRIP_ROWS):
            rows = slice(top, min(config.height, top + _STRIP_ROWS))
            bands = []
            for plane, sky_e in zip(planes, sky, strict=True):
                electrons = self._drifted(plane, rows, drift_xy_px) * np.float32(exposure_s)
                electrons += (self._sky_row + self._sky_column[rows]) * sky_e
                electrons *= self._falloff[rows]
                electrons += np.float32(config.dark_e_per_s * exposure_s)
                bands.append(electrons)
            if config.colour == "bayer":
                bands = [_mosaic(bands, top)]
            counts = [self._counts(electrons, rng) for electrons in bands]
            out[rows] = cv2.merge(counts) if colour else counts[0]
        hot = out[self._hot] + self._hot_e_per_s * exposure_s * config.adu_per_electron
        out[self._hot] = hot.clip(0, config.highest_adu).astype(np.uint16)
        return out

    def _drifted(self, plane: Plane, rows: slice, drift_xy_px: tuple[float, float]) -> Plane:
        """Return some rows of a plane, moved by the drift, shape (rows, W)."""
        whole_x, whole_y = math.floor(drift_xy_px[0]), math.floor(drift_xy_px[1])
        part_x, part_y = drift_xy_px[0] - whole_x, drift_xy_px[1] - whole_y
        left, top = MARGIN_PX - whole_x - 1, rows.start + MARGIN_PX - whole_y - 1
        patch = plane[top : top + rows.stop - rows.start + 1, left : left + self.config.width + 1]
        if part_y:
            down = cv2.addWeighted(patch[1:], 1.0 - part_y, patch[:-1], part_y, 0.0)
        else:
            down = patch[1:]
        if not part_x:
            return np.asarray(down[:, 1:], dtype=np.float32)
        moved = cv2.addWeighted(down[:, 1:], 1.0 - part_x, down[:, :-1], part_x, 0.0)
        return np.asarray(moved, dtype=np.float32)

    def _counts(self, electrons: Plane, rng: np.random.Generator) -> NDArray[np.uint16]:
        """Add noise and convert; ``electrons`` is used up."""
        config = self.config
        if self._bank is not None:
            noise = self._bank.rows(rng, *electrons.shape)
            noise *= cv2.sqrt(electrons + np.float32(config.read_noise_e**2))
            electrons += noise
        electrons *= np.float32(config.adu_per_electron)
        offset = np.float32(config.offset_counts)
        # OpenCV rounds and saturates in one pass.
        counts = cv2.add(electrons, np.full_like(electrons, offset), dtype=cv2.CV_16U)
        if config.adc_bits < 16:
            np.minimum(counts, config.highest_adu, out=counts)
        return np.asarray(counts, dtype=np.uint16)


def _mosaic(bands: list[Plane], first_row: int) -> Plane:
    """Sample three bands through the colour filters of an RGGB sensor."""
    red, green, blue = bands
    out = green.copy()
    even = first_row % 2
    out[even::2, 0::2] = red[even::2, 0::2]
    out[1 - even :: 2, 1::2] = blue[1 - even :: 2, 1::2]
    return out
