"""What a galaxy looks like, as numbers, from its Hubble type or at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_SEED = 2**31 - 1

# Mean properties along the Hubble sequence. Bulge-to-total ratios: Graham & Worley
# 2008, MNRAS 388, 1708, fig. 6 (rounded). Pitch angles: Kennicutt 1981, AJ 86, 1847.
# Colours: Roberts & Haynes 1994, ARA&A 32, 115, table 1 (B - V), split in old and disc.
#         stage: (bulge fraction, Sersic n, pitch in deg, bulge B-V, disc B-V)
_SEQUENCE: dict[str, tuple[float, float, float, float, float]] = {
    "E": (1.00, 4.0, 0.0, 0.93, 0.93),
    "E-S0": (0.65, 4.0, 0.0, 0.93, 0.90),
    "S0": (0.45, 3.0, 0.0, 0.92, 0.86),
    "S0-a": (0.40, 2.8, 8.0, 0.90, 0.80),
    "Sa": (0.34, 2.5, 9.0, 0.90, 0.74),
    "Sab": (0.27, 2.3, 11.0, 0.88, 0.68),
    "Sb": (0.20, 2.0, 13.0, 0.86, 0.62),
    "Sbc": (0.14, 1.8, 15.0, 0.84, 0.56),
    "Sc": (0.09, 1.4, 18.0, 0.80, 0.50),
    "Scd": (0.05, 1.1, 21.0, 0.75, 0.45),
    "Sd": (0.03, 1.0, 23.0, 0.70, 0.42),
    "Sm": (0.02, 1.0, 28.0, 0.60, 0.38),
    "I": (0.01, 1.0, 0.0, 0.55, 0.36),
}
_DISC_STAGES = tuple(name for name in _SEQUENCE if name not in ("E", "E-S0", "I"))
_ALIASES = {"S?": "Sb", "E?": "E", "IB": "I", "IAB": "I"}


@dataclass(frozen=True, slots=True)
class GalaxyModel:
    """Shape and colour of a galaxy; lengths in units of its semi-major axis.

    The semi-major axis is that of the 25 mag/arcsec^2 isophote, as catalogued.

    Attributes
    ----------
    stage : str
        Hubble stage without bar, for example ``"Sbc"``.
    axis_ratio : float
        Minor over major axis of the isophote, 0.05 to 1.
    bulge_fraction, bar_fraction : float
        Shares of the total light.
    bulge_sersic : float
        Sersic index of the bulge.
    bulge_radius, disc_scale, bar_length : float
        Effective radius of the bulge, exponential scale of the disc and half
        length of the bar.
    bulge_axis_ratio : float
        Apparent axis ratio of the bulge.
    bar_angle_deg : float
        Angle of the bar to the major axis, in the plane of the disc.
    arm_count : int
        Number of spiral arms; 0 for none.
    arm_contrast : float
        0 for a smooth disc, 1 for arms that hold all light of the outer disc.
    pitch_deg : float
        Pitch angle of the logarithmic spiral.
    winding : int
        +1 or -1, the sense in which the arms trail.
    arm_phase_deg : float
        Where the first arm starts.
    dust_depth : float
        Optical depth (green) of lanes between arms or across an edge-on disc.
    clumpiness : float
        Scatter of the logarithm of the disc brightness on small scales.
    bulge_b_v, disc_b_v : float
        Colour indices of the old stars and of the disc.
    texture_seed : int
        Seed of the clumps.
    """

    stage: str
    axis_ratio: float
    bulge_fraction: float
    bulge_sersic: float
    bulge_radius: float
    bulge_axis_ratio: float
    disc_scale: float
    bar_fraction: float = 0.0
    bar_length: float = 0.2
    bar_angle_deg: float = 0.0
    arm_count: int = 0
    arm_contrast: float = 0.0
    pitch_deg: float = 15.0
    winding: int = 1
    arm_phase_deg: float = 0.0
    dust_depth: float = 0.0
    clumpiness: float = 0.0
    bulge_b_v: float = 0.9
    disc_b_v: float = 0.6
    texture_seed: int = 0

    @property
    def edge_on(self) -> bool:
        """True for a disc seen so flat that its thickness sets the axis ratio."""
        return self.stage not in ("E", "I") and self.axis_ratio < 0.30

    @property
    def elliptical(self) -> bool:
        """True where there is no disc."""
        return self.stage == "E"


def stage_of(hubble_type: str) -> tuple[str, float]:
    """Split a catalogue Hubble type into stage and strength of the bar.

    Parameters
    ----------
    hubble_type : str
        As in OpenNGC: ``"SABbc"``, ``"E-S0"``, ``"IB"``, ``"S?"`` or empty.

    Returns
    -------
    stage : str
        A key of the Hubble sequence; ``"Sb"``, the commonest disc, where unknown.
    bar : float
        0 for none, 0.5 for SAB, 1 for SB.
    """
    name = hubble_type.strip()
    bar = 0.0
    if name.startswith("SAB"):
        bar, name = 0.5, "S" + name[3:]
    elif name.startswith("SB"):
        bar, name = 1.0, "S" + name[2:]
    name = _ALIASES.get(name, name)
    return (name if name in _SEQUENCE else "Sb"), bar


def model_for_type(hubble_type: str, axis_ratio: float, rng: np.random.Generator) -> GalaxyModel:
    """Return a galaxy typical of its Hubble type, with the scatter of real ones.

    Parameters
    ----------
    hubble_type : str
        Catalogue Hubble type; unknown or empty gives an Sb, or an elliptical
        half the time where the isophote is rounder than 0.6.
    axis_ratio : float
        Minor over major axis of the 25 mag/arcsec^2 isophote, 0 to 1.
    rng : numpy.random.Generator
        Draws pitch, phase, clumps and the scatter of the rest.

    Returns
    -------
    GalaxyModel
    """
    stage, bar = stage_of(hubble_type)
    if not hubble_type.strip() and axis_ratio > 0.6 and rng.random() < 0.5:
        stage = "E"
    ratio = float(np.clip(axis_ratio, 0.06, 1.0))
    bulge, sersic, pitch, bulge_b_v, disc_b_v = _SEQUENCE[stage]
    spiral = stage in _DISC_STAGES and stage != "S0"
    early = stage in ("S0-a", "Sa", "Sab")
    bulge = float(np.clip(bulge * rng.uniform(0.75, 1.25), 0.0, 1.0)) if stage != "E" else 1.0
    bulge_radius = 0.30 if stage == "E" else 0.05 + 0.22 * bulge
    contrast = 0.0
    if spiral:
        contrast = rng.uniform(0.25, 0.5) if early else rng.uniform(0.5, 0.85)
    flocculent = spiral and not early and rng.random() < 0.3
    return GalaxyModel(
        stage=stage,
        axis_ratio=ratio,
        bulge_fraction=bulge,
        bulge_sersic=float(np.clip(sersic * rng.uniform(0.85, 1.15), 0.7, 4.5)),
        bulge_radius=bulge_radius * rng.uniform(0.85, 1.15),
        bulge_axis_ratio=ratio if stage == "E" else min(1.0, max(ratio, rng.uniform(0.55, 0.8))),
        disc_scale=rng.uniform(0.27, 0.34),
        bar_fraction=bar * rng.uniform(0.06, 0.14) if spiral or stage == "S0" else 0.0,
        bar_length=rng.uniform(0.18, 0.32),
        bar_angle_deg=rng.uniform(0.0, 180.0),
        arm_count=(2 if rng.random() < 0.65 else int(rng.integers(3, 6))) if spiral else 0,
        arm_contrast=contrast * (0.45 if flocculent else 1.0),
        pitch_deg=max(6.0, pitch * rng.uniform(0.8, 1.25)) if spiral else 15.0,
        winding=1 if rng.random() < 0.5 else -1,
        arm_phase_deg=rng.uniform(0.0, 360.0),
        dust_depth=rng.uniform(0.5, 1.4) if spiral else rng.uniform(0.0, 0.25),
        clumpiness={"E": 0.0, "E-S0": 0.0, "S0": 0.03, "I": rng.uniform(0.6, 1.0)}.get(
            stage, rng.uniform(0.08, 0.2) if early else rng.uniform(0.2, 0.5)
        ),
        bulge_b_v=bulge_b_v + rng.normal(0.0, 0.04),
        disc_b_v=disc_b_v + rng.normal(0.0, 0.06),
        texture_seed=int(rng.integers(MAX_SEED)),
    )


def random_galaxy(rng: np.random.Generator) -> GalaxyModel:
    """Return a galaxy of random type and orientation, without any catalogue.

    Types follow the bright-galaxy mix (about a fifth ellipticals, a third barred);
    discs have random inclinations, with the thickness of their stage.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same galaxy.

    Returns
    -------
    GalaxyModel
    """
    draw = rng.random()
    if draw < 0.18:
        return model_for_type("E", rng.beta(4.0, 1.8) * 0.65 + 0.35, rng)
    if draw < 0.23:
        return model_for_type("I", rng.uniform(0.35, 1.0), rng)
    stage = _DISC_STAGES[int(rng.integers(len(_DISC_STAGES)))]
    barred = rng.random()
    if stage != "S0" and barred < 0.35:
        stage = ("SB" if barred < 0.2 else "SAB") + stage[1:].replace("0-a", "a")
    thickness = rng.uniform(0.10, 0.22)
    cosine = rng.random()
    ratio = float(np.sqrt(cosine**2 * (1.0 - thickness**2) + thickness**2))
    return model_for_type(stage, ratio, rng)
