"""The OpenNGC galaxies: names, magnitudes, cone searches."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge_runtime.errors import ConfigError
from edge_runtime.sky.catalogue import find_target, galaxies_in_field, load_galaxies


def test_every_galaxy_has_what_drawing_needs() -> None:
    galaxies = load_galaxies()
    assert len(galaxies) > 10_000
    for galaxy in galaxies:
        assert 0.0 <= galaxy.ra_deg < 360.0
        assert -90.0 <= galaxy.dec_deg <= 90.0
        assert 0.0 < galaxy.minor_arcmin <= galaxy.major_arcmin
        assert 0.0 <= galaxy.position_angle_deg <= 180.0
    assert galaxies is load_galaxies()


@pytest.mark.parametrize(
    "name",
    ["M51", "m 51", "Messier 51", "NGC 5194", "NGC5194", "ngc05194", "Whirlpool Galaxy"],
)
def test_a_galaxy_is_found_by_all_its_names(name: str) -> None:
    galaxy = find_target(name)
    assert (galaxy.name, galaxy.messier, galaxy.title) == ("NGC5194", 51, "M51")
    assert galaxy.ra_deg == pytest.approx(202.4696, abs=1e-3)
    assert galaxy.dec_deg == pytest.approx(47.1952, abs=1e-3)
    assert galaxy.magnitude == pytest.approx(8.36)
    assert galaxy.hubble_type == "SABb"


def test_short_numbers_need_no_padding_and_duplicates_lead_to_the_galaxy() -> None:
    assert find_target("NGC 253").name == find_target("NGC0253").name == "NGC253"
    assert find_target("IC 342").name == "IC342"
    assert find_target("IC 39").name == "NGC178"
    assert find_target("M102").title == "M101"  # as NASA's NED has it


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("M999", "not in the OpenNGC catalogue"),
        ("Vulcan", "'Vulcan'"),
        ("%", "'%'"),
        ("M13", "globular cluster"),
        ("IC 1308", "not a single galaxy"),
        ("", "not in the OpenNGC catalogue"),
    ],
)
def test_an_unknown_target_is_named_in_the_error(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        find_target(name)


def test_implausible_v_magnitudes_give_way_to_b() -> None:
    # OpenNGC has V = 11.11 for NGC 253, one of the brightest galaxies (V = 7.2).
    assert find_target("NGC253").magnitude == pytest.approx(7.2, abs=0.2)
    assert find_target("NGC4565").magnitude == pytest.approx(9.4, abs=0.3)


def test_a_cone_holds_the_neighbours_brightest_first() -> None:
    found = galaxies_in_field(170.06, 13.3, 0.6, faintest_mag=11.0)
    assert [g.title for g in found] == ["M66", "M65", "NGC3628"]
    assert galaxies_in_field(170.06, 13.3, 0.6, faintest_mag=5.0) == []
    # Four degrees from the centre of the Large Magellanic Cloud is still inside it.
    assert galaxies_in_field(80.9, -65.8, 0.2, faintest_mag=5.0)
    magnitudes = [g.magnitude for g in galaxies_in_field(187.7, 12.4, 2.0)]
    assert len(magnitudes) > 50
    assert magnitudes == sorted(magnitudes)


def test_a_cone_works_across_zero_hours_and_at_the_pole() -> None:
    assert {g.name for g in galaxies_in_field(359.9, 20.0, 3.0)} & {
        g.name for g in galaxies_in_field(0.1, 20.0, 3.0)
    }
    assert all(g.dec_deg > 84.0 for g in galaxies_in_field(123.0, 90.0, 5.0))


def test_reading_the_catalogue_does_not_import_pandas() -> None:
    code = (
        "import sys; from edge_runtime.sky.catalogue import load_galaxies; load_galaxies();"
        "sys.exit(int('pandas' in sys.modules or 'pyongc' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
