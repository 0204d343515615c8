"""The numbers that describe a simulated telescope and its night."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ColourMode = Literal["colour", "mono", "bayer"]

V_ZERO_PHOTONS = 8.8e5
"""Photons per second, cm^2 and V band (880 A) from V = 0 (Bessell 1979, PASP 91, 589)."""


@dataclass(frozen=True, slots=True)
class TelescopeConfig:
    """A telescope, its camera and the night it looks into.

    Attributes
    ----------
    width, height : int
        Sensor size in pixels.
    pixel_scale_arcsec : float
        Arcseconds per pixel.
    colour : str
        ``"colour"`` (H, W, 3), ``"mono"`` (H, W; the sum of the three bands) or
        ``"bayer"`` (H, W, RGGB).
    aperture_mm : float
        Diameter of a clear aperture.
    throughput : float
        Share of the photons in a band that become electrons.
    seeing_arcsec : float
        Full width at half maximum of stars.
    sky_mag_arcsec2 : float
        V surface brightness of the sky.
    sky_gradient : float
        Difference of sky brightness across the frame, relative to its mean.
    vignetting : float
        Light missing in the corners, 0 to 1.
    read_noise_e, dark_e_per_s : float
        Read noise and dark current per pixel in electrons.
    full_well_e : float
        Electrons at which a pixel saturates.
    adc_bits : int
        8 to 16; full well is the highest count.
    offset_adu : float
        Counts of an unexposed pixel.
    hot_pixel_share : float
        Share of pixels with a high dark current.
    galaxies, stars : bool
        Whether they are drawn.
    faintest_galaxy_mag, faintest_star_mag : float
        Fainter ones are not drawn.
    noise : bool
        False for exposures without any noise or hot pixels.
    seed : int
        Seed of the stars, the galaxies' details and the sensor.
    """

    width: int = 1280
    height: int = 960
    pixel_scale_arcsec: float = 2.4
    colour: ColourMode = "colour"
    aperture_mm: float = 100.0
    throughput: float = 0.5
    seeing_arcsec: float = 4.5
    sky_mag_arcsec2: float = 20.5
    sky_gradient: float = 0.12
    vignetting: float = 0.15
    read_noise_e: float = 1.6
    dark_e_per_s: float = 0.01
    full_well_e: float = 50_000.0
    adc_bits: int = 16
    offset_adu: float = 500.0
    hot_pixel_share: float = 5e-5
    galaxies: bool = True
    stars: bool = True
    faintest_galaxy_mag: float = 16.5
    faintest_star_mag: float = 17.5
    noise: bool = True
    seed: int = 0

    @property
    def electrons_per_s_of_mag_0(self) -> float:
        """Electrons per second and band from a star of V = 0."""
        area_cm2 = math.pi / 4.0 * (self.aperture_mm / 10.0) ** 2
        return V_ZERO_PHOTONS * area_cm2 * self.throughput

    @property
    def highest_adu(self) -> int:
        """Highest count of the converter."""
        return int(2**self.adc_bits - 1)

    @property
    def offset_counts(self) -> float:
        """Counts of an unexposed pixel, kept below an eighth of a coarse converter's range."""
        return min(self.offset_adu, self.highest_adu / 8.0)

    @property
    def adu_per_electron(self) -> float:
        """Gain that puts full well at the highest count."""
        return (self.highest_adu - self.offset_counts) / self.full_well_e

    @property
    def planes(self) -> int:
        """Number of bands kept in memory: 1 for mono, else 3."""
        return 1 if self.colour == "mono" else 3

    @property
    def sky_electrons_per_s(self) -> float:
        """Electrons per second, pixel and V band from the sky."""
        brightness = 10.0 ** (-0.4 * self.sky_mag_arcsec2) * self.pixel_scale_arcsec**2
        return float(self.electrons_per_s_of_mag_0 * brightness)

    @property
    def fwhm_px(self) -> float:
        """Full width at half maximum of stars in pixels."""
        return self.seeing_arcsec / self.pixel_scale_arcsec
