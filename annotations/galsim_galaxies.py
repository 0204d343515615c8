"""Galaxies drawn by GalSim: Sersic bulge, exponential disc and knots behind real seeing.

Unlike the models of `edge_runtime.sky.galaxies`, which show arms and dust and are
blurred on the raster of pixels, these are convolved with the seeing before they are
sampled (Rowe et al. 2015, Astronomy and Computing 10, 121), so that small galaxies
have the profiles that a telescope records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sky.colour import rgb_from_b_v

if TYPE_CHECKING:
    import galsim

Image = NDArray[np.float32]

EXTENT = 1.7
"""Radius at which the drawn light ends, in semi-major axes of the isophote."""

_TAPER_START = 1.2
_DISC_HALF_LIGHT = 1.6783  # half-light radius of an exponential disc in scale lengths
_DISC_CUT = 3.4  # light ends there, in half-light radii: beyond the taper's end
_BULGE_CUT = 6.5
_MOST_OF_A_KNOT = 0.008  # of the disc's light
_KNOT_B_V_BLUER = 0.3
# few values: GalSim tabulates a profile for each
_EARLY_SERSIC = (2.5, 3.0, 4.0)
_LATE_SERSIC = (1.0, 1.5, 2.0)
_MOFFAT_BETA = (2.5, 3.0, 3.5, 4.0)  # their transforms need no Bessel function
_FASTEST_KERNEL_PX = 61


@dataclass(frozen=True, slots=True)
class SeeingLimitedGalaxy:
    """A galaxy and the seeing it is observed through.

    Lengths are in units of the semi-major axis of its 25 mag/arcsec^2 isophote.

    Attributes
    ----------
    axis_ratio, bulge_axis_ratio : float
        Minor over major axis of disc and bulge, 0 to 1.
    position_angle_deg : float
        Angle of the major axis from the right, counter-clockwise as displayed.
    bulge_fraction, knot_fraction : float
        Share of the bulge in all light, and of the knots in that of the disc.
    bulge_sersic, bulge_radius : float
        Sersic index and half-light radius of the bulge.
    disc_scale : float
        Exponential scale length of the disc.
    knots : int
        Number of star-forming knots.
    bulge_b_v, disc_b_v : float
        Colour indices; knots are bluer than the disc.
    pixel_scale_arcsec : float
        Arcseconds per pixel.
    seeing_arcsec : float
        Full width at half maximum of stars.
    profile : str
        ``"moffat"`` or ``"kolmogorov"``.
    moffat_beta : float
        Wing exponent of a Moffat profile.
    seed : int
        Of the knots' places.
    """

    axis_ratio: float
    bulge_axis_ratio: float
    position_angle_deg: float
    bulge_fraction: float
    bulge_sersic: float
    bulge_radius: float
    disc_scale: float
    knot_fraction: float
    knots: int
    bulge_b_v: float
    disc_b_v: float
    pixel_scale_arcsec: float
    seeing_arcsec: float
    profile: Literal["moffat", "kolmogorov"]
    moffat_beta: float
    seed: int

    @property
    def fwhm_px(self) -> float:
        """Full width at half maximum of stars in pixels."""
        return self.seeing_arcsec / self.pixel_scale_arcsec


def draw_galsim_galaxy(rng: np.random.Generator, side_px: float) -> Image:
    """Draw a random galaxy, stretched as pictures of galaxies are.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same galaxy.
    side_px : float
        Longer side of its 25 mag/arcsec^2 isophote in pixels, > 0.

    Returns
    -------
    ndarray, shape (H, W, 3), float32
        Red, green and blue light without noise, 0 beyond the galaxy.

    Raises
    ------
    GalaxyEdgeError
        GalSim is not installed.
    """
    galaxy = random_seeing_limited_galaxy(rng, side_px)
    light = render_galsim_galaxy(galaxy, side_px / 2.0)
    light /= float(np.percentile(light.max(axis=2), 99.5)) + 1e-12
    strength = math.exp(rng.uniform(math.log(2.0), math.log(40.0)))
    return np.arcsinh(light * np.float32(strength)).astype(np.float32)


def random_seeing_limited_galaxy(rng: np.random.Generator, side_px: float) -> SeeingLimitedGalaxy:
    """Draw the numbers of a galaxy and of a night.

    A third are dominated by their bulge; discs have random inclinations. Stars are
    0.9 to 6 pixels wide, and between a hundredth and a fifth of the galaxy.

    Parameters
    ----------
    rng : numpy.random.Generator
    side_px : float
        Longer side of the isophote in pixels.
    """
    early = rng.random() < 0.35
    bulge_fraction = float(rng.uniform(0.5, 1.0) if early else rng.uniform(0.02, 0.4))
    thickness = rng.uniform(0.10, 0.22)
    ratio = float(np.sqrt(rng.random() ** 2 * (1.0 - thickness**2) + thickness**2))
    if early:
        ratio = max(ratio, float(rng.uniform(0.35, 1.0)))
    bulge_ratio = ratio if early else max(ratio, float(rng.uniform(0.55, 0.85)))
    radius = 0.22 + 0.08 * bulge_fraction if early else 0.05 + 0.22 * bulge_fraction
    narrowest = max(0.9, side_px / 100.0)
    widest = max(1.2, narrowest, min(6.0, side_px / 5.0))
    fwhm_px = float(np.exp(rng.uniform(math.log(narrowest), math.log(widest))))
    seeing_arcsec = float(rng.uniform(1.5, 5.0))
    old = float(rng.uniform(0.75, 1.0))
    knots = 0 if early else int(rng.integers(0, 60))
    return SeeingLimitedGalaxy(
        axis_ratio=ratio,
        bulge_axis_ratio=bulge_ratio,
        position_angle_deg=float(rng.uniform(0.0, 180.0)),
        bulge_fraction=bulge_fraction,
        bulge_sersic=float(rng.choice(_EARLY_SERSIC if early else _LATE_SERSIC)),
        bulge_radius=float(radius * rng.uniform(0.85, 1.15)),
        disc_scale=float(rng.uniform(0.27, 0.34)),
        knot_fraction=float(rng.uniform(0.1, 1.0)) * _MOST_OF_A_KNOT * knots,
        knots=knots,
        bulge_b_v=old,
        disc_b_v=old - float(rng.uniform(0.0, 0.1) if early else rng.uniform(0.1, 0.45)),
        pixel_scale_arcsec=seeing_arcsec / fwhm_px,
        seeing_arcsec=seeing_arcsec,
        profile="moffat" if rng.random() < 0.7 else "kolmogorov",
        moffat_beta=float(rng.choice(_MOFFAT_BETA)),
        seed=int(rng.integers(1, 2**31 - 1)),
    )


def render_galsim_galaxy(galaxy: SeeingLimitedGalaxy, radius_px: float) -> Image:
    """Draw a galaxy through the seeing, without sky or noise.

    Parameters
    ----------
    galaxy : SeeingLimitedGalaxy
    radius_px : float
        Semi-major axis of its 25 mag/arcsec^2 isophote in pixels, > 0.

    Returns
    -------
    ndarray, shape (S, S, 3), float32
        Red, green and blue flux per pixel. From 1.2 to 1.7 semi-major axes the light
        fades to nothing; the green adds up to 1 less what is lost there, a tenth of
        the disc.

    Raises
    ------
    ValueError
        ``radius_px`` is not positive.
    GalaxyEdgeError
        GalSim is not installed.
    """
    if not radius_px > 0.0:
        raise ValueError(f"radius_px is {radius_px}; it must be positive")
    galsim = _galsim()
    accuracy = galsim.GSParams(folding_threshold=2e-2, maxk_threshold=1e-2, maximum_fft_size=16384)
    scale = galaxy.pixel_scale_arcsec
    radius = radius_px * scale
    side = 2 * math.ceil(EXTENT * radius_px + 2.0 * galaxy.fwhm_px) + 1
    seeing = _seeing(galsim, galaxy, accuracy)
    angle = galaxy.position_angle_deg * galsim.degrees

    def drawn(profile: galsim.GSObject, axis_ratio: float, flux: float) -> Image:
        sheared = profile.withFlux(flux).shear(galsim.Shear(q=axis_ratio, beta=angle))
        seen = galsim.Convolve([sheared, seeing], gsparams=accuracy)
        image = seen.drawImage(nx=side, ny=side, scale=scale, dtype=np.float32)
        return np.asarray(image.array[::-1], dtype=np.float32)  # rows of GalSim go up

    light = np.zeros((side, side, 3), dtype=np.float32)
    bulge = galsim.Sersic(
        galaxy.bulge_sersic,
        half_light_radius=galaxy.bulge_radius * radius,
        trunc=_BULGE_CUT * galaxy.bulge_radius * radius,
        gsparams=accuracy,
    )
    light += drawn(bulge, galaxy.bulge_axis_ratio, galaxy.bulge_fraction)[..., None] * rgb_from_b_v(
        galaxy.bulge_b_v
    )
    disc_flux = 1.0 - galaxy.bulge_fraction
    knot_flux = disc_flux * galaxy.knot_fraction if galaxy.knots else 0.0
    if disc_flux > 1e-3:
        half_light = _DISC_HALF_LIGHT * galaxy.disc_scale * radius
        disc = galsim.Sersic(
            1.0, half_light_radius=half_light, trunc=_DISC_CUT * half_light, gsparams=accuracy
        )
        light += drawn(disc, galaxy.axis_ratio, disc_flux - knot_flux)[..., None] * rgb_from_b_v(
            galaxy.disc_b_v
        )
    if knot_flux > 0.0:
        knots = _knots(galsim, galaxy, seeing, radius_px, side) * np.float32(knot_flux)
        light += knots[..., None] * rgb_from_b_v(galaxy.disc_b_v - _KNOT_B_V_BLUER)
    # the Fourier transform leaves tiny negative values
    return np.maximum(light, 0.0) * _taper(galaxy, radius_px, side)[..., None]


def _galsim() -> Any:
    try:
        import galsim
    except ModuleNotFoundError as error:
        raise GalaxyEdgeError(
            "drawing galaxies through the seeing needs GalSim, which is not installed; "
            "install it with: pip install 'galaxy-edge[workstation]'"
        ) from error
    return galsim


def _seeing(galsim: Any, galaxy: SeeingLimitedGalaxy, accuracy: Any) -> Any:
    """The point spread function, of unit flux."""
    if galaxy.profile == "kolmogorov":
        return galsim.Kolmogorov(fwhm=galaxy.seeing_arcsec, gsparams=accuracy)
    return galsim.Moffat(beta=galaxy.moffat_beta, fwhm=galaxy.seeing_arcsec, gsparams=accuracy)


def _knots(
    galsim: Any, galaxy: SeeingLimitedGalaxy, seeing: Any, radius_px: float, side: int
) -> Image:
    """Points scattered as the disc's light, seen through the seeing; of unit flux.

    In Fourier space every point would cost as much as the disc; here each is shared
    among its four pixels, which widens it by less than a quarter of a pixel.
    """
    points = galsim.RandomKnots(
        galaxy.knots,
        profile=galsim.Exponential(scale_radius=galaxy.disc_scale * radius_px),
        rng=galsim.BaseDeviate(galaxy.seed),
    ).points
    shear = galsim.Shear(q=galaxy.axis_ratio, beta=galaxy.position_angle_deg * galsim.degrees)
    x, y = (points @ shear.getMatrix().T).T
    sharp = np.zeros((side, side), dtype=np.float32)
    column, row = x + (side - 1) / 2.0, (side - 1) / 2.0 - y
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - right - (column - left)) * np.abs(1 - down - (row - top))
            inside = (left + right >= 0) & (left + right < side)
            inside &= (top + down >= 0) & (top + down < side)
            places = (top + down)[inside], (left + right)[inside]
            np.add.at(sharp, places, (share[inside] / galaxy.knots).astype(np.float32))
    kernel_px = min(_FASTEST_KERNEL_PX, 2 * math.ceil(4.0 * galaxy.fwhm_px) + 1)
    kernel = seeing.drawImage(
        nx=kernel_px, ny=kernel_px, scale=galaxy.pixel_scale_arcsec, dtype=np.float32
    ).array
    blurred = cv2.filter2D(sharp, cv2.CV_32F, kernel[::-1], borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred, dtype=np.float32)


def _taper(galaxy: SeeingLimitedGalaxy, radius_px: float, side: int) -> Image:
    """Weight that fades from 1 to 0 towards the edge of the drawn light."""
    angle = math.radians(galaxy.position_angle_deg)
    axis = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2.0)
    along = axis[None, :] * math.cos(angle) - axis[:, None] * math.sin(angle)
    across = axis[None, :] * math.sin(angle) + axis[:, None] * math.cos(angle)
    minor = max(galaxy.axis_ratio, galaxy.bulge_axis_ratio * galaxy.bulge_fraction)
    # what the seeing spreads belongs to the galaxy
    reach_major = radius_px + galaxy.fwhm_px
    reach_minor = radius_px * minor + galaxy.fwhm_px
    radius = np.hypot(along / reach_major, across / reach_minor)
    t = ((EXTENT - radius) / (EXTENT - _TAPER_START)).clip(0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)
