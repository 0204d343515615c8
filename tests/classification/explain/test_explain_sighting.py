"""Sightings of a store explained, with the tiny classifier that takes red light for round."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
import typer
from looking_networks import LookingNetwork, disc
from synthetic_results import tracked
from tiny_bundles import make_tiny_bundle
from typer.testing import CliRunner

from classification.commands.explain_sighting import explain_sighting
from classification.explain.sighting import (
    arcsec_per_px,
    explain_recorded,
    find_sighting,
    other_models,
    write_sighting_page,
)
from classification.explain.subjects import open_subjects, subject_of
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.errors import ConfigError, GalaxyEdgeError, StoreError
from edge_runtime.store import Store
from edge_runtime.tracked_sighting import BundleIdentity


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


def report(bundle, number=1, *, bright=True, **changes):
    """A sighting of 40 px in a crop of 60: a red blob, lower right of the centre.

    Not ``bright``: only sky with noise.
    """
    axis = np.arange(60)
    crop = np.random.default_rng(number).normal(20, 2, (60, 60, 3))
    if bright:
        blob = np.exp(-(((axis[None] - 34) / 7) ** 2) - ((axis[:, None] - 33) / 5) ** 2)
        crop[..., 0] += 225 * blob
        crop[..., 1:] += 60 * blob[..., None]
    identity = BundleIdentity(bundle.name, bundle.version, bundle.sha256)
    made = tracked(number, pictures=True, bundle=identity, kind=0, seconds=60 * number, **changes)
    return replace(made, crop=np.clip(crop, 1, 255).astype(np.uint8))


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "s.sqlite", tmp_path / "media") as opened:
        yield opened


def record_of(store, made):
    store.record(made)
    return find_sighting(store, made.sighting.id)


def explained(record, bundle, **options):
    return explain_recorded(record, bundle, open_subjects([bundle.path]), ["occlusion"], **options)


def test_a_sighting_is_found_by_its_identifier_or_its_first_digits(store, bundle):
    made = [report(bundle, number) for number in range(4)]
    store.record(made)
    wanted = made[2].sighting.id
    for text in (wanted, wanted.upper(), f" {wanted[:6]} "):
        assert find_sighting(store, text).item.sighting.id == wanted


def test_an_unknown_identifier_lists_like_ones_or_the_last(store, bundle):
    made = [report(bundle, number) for number in range(7)]
    store.record(made)
    near = made[3].sighting.id
    wrong = near[:-1] + ("0" if near[-1] != "0" else "1")
    with pytest.raises(GalaxyEdgeError, match=f"like it are: {near} \\(smooth round, target 3\\)"):
        find_sighting(store, wrong)
    with pytest.raises(GalaxyEdgeError, match=r"the last are: .*target 6.*; and 2 more") as error:
        find_sighting(store, "nonsense")
    listed = re.findall(r"target (\d)", str(error.value))
    assert listed == ["6", "5", "4", "3", "2"]


def test_digits_that_begin_several_identifiers_are_refused(store, bundle):
    one, two = report(bundle, 1), report(bundle, 2)
    ids = ["abcd" + "0" * 28, "abcd" + "1" * 28]
    store.record(
        [
            replace(made, sighting=replace(made.sighting, id=key))
            for made, key in zip((one, two), ids, strict=True)
        ]
    )
    with pytest.raises(GalaxyEdgeError, match="begins the identifiers of 2 sightings"):
        find_sighting(store, "abcd")
    assert find_sighting(store, "abcd1").item.sighting.id == ids[1]


def test_an_empty_store_and_a_sighting_without_a_picture_are_told(store, bundle):
    with pytest.raises(GalaxyEdgeError, match="holds no sighting yet"):
        find_sighting(store, "abcd")
    made = report(bundle)
    store.record(replace(made, crop=None))
    with pytest.raises(GalaxyEdgeError, match="nothing to explain"):
        find_sighting(store, made.sighting.id)
    store.record(made)
    (store.media_dir / find_sighting(store, made.sighting.id).item.crop_file).write_bytes(b"no")
    with pytest.raises(GalaxyEdgeError, match=r"crop\.png: cannot be read"):
        find_sighting(store, made.sighting.id)


def test_the_class_of_the_sighting_is_explained_by_default(store, bundle):
    found = explained(record_of(store, report(bundle)), bundle)
    assert found.parts[0][1].target.label == "class5:smooth_round"
    assert (found.warning, found.outline) == ("", "isophote")


def test_the_map_lies_where_a_network_is_known_to_look(store, bundle):
    """Its crop is the recorded picture at another size: places agree."""
    made = report(bundle)
    spiral = replace(made.sighting, class_probabilities=np.float32([0.1, 0, 0, 0, 0.9]))
    record = record_of(store, replace(made, sighting=spiral))
    network = LookingNetwork(disc(radius=5.0, x=8.0, y=6.0))
    found = explain_recorded(record, bundle, [subject_of(network)], ["occlusion"])
    _, galaxy, _ = found.parts[0]
    assert galaxy.target.label == "class5:spiral"
    values = galaxy.maps["occlusion"]
    assert values[network.looked_at > 0].min() > 0
    assert np.abs(values[:24, :20]).max() == 0.0
    assert np.unravel_index(values.argmax(), values.shape) == pytest.approx((29.5, 31.5), abs=6)


def test_where_no_isophote_holds_a_galaxy_the_box_does(store, bundle, caplog):
    found = explained(record_of(store, report(bundle, bright=False)), bundle)
    _, _, regions = found.parts[0]
    assert "box" in found.outline
    assert "the ellipse in its box" in caplog.text
    # the box is 40 of the 60 px that the crop shows
    assert regions.shares()["galaxy"] == pytest.approx(np.pi / 4 * (40 / 60) ** 2, abs=0.02)


def test_another_bundle_than_the_one_that_made_it_is_named(store, bundle, tmp_path):
    made = report(bundle)
    old = replace(made.sighting, bundle_version="0.0.1", bundle_sha256="cd" * 32)
    record = record_of(store, replace(made, sighting=old))
    warning = other_models(record.item, bundle)
    assert "was made by tiny 0.0.1 (cdcdcdcdcdcd)" in warning
    assert f"tiny 1.2.3 ({bundle.sha256[:12]})" in warning
    write_sighting_page(tmp_path / "why.html", record, explained(record, bundle))
    assert "was made by tiny 0.0.1" in (tmp_path / "why.html").read_text()


def test_the_page_holds_what_was_recorded_and_nothing_from_outside(store, bundle, tmp_path):
    record = record_of(store, report(bundle, ra_deg=202.4696, dec_deg=47.1952))
    write_sighting_page(tmp_path / "why.html", record, explained(record, bundle))
    page = (tmp_path / "why.html").read_text()
    assert record.item.sighting.id in page
    assert "smooth round 0.800, mean of the frames" in page
    assert "202.46960°, +47.19520°" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_the_scale_comes_from_the_size_on_the_sky(store, bundle):
    record = record_of(store, report(bundle, ra_deg=10.0, dec_deg=1.0))
    assert arcsec_per_px(record) == pytest.approx(80.1 / 40, rel=1e-3)
    assert arcsec_per_px(record_of(store, report(bundle, 2))) is None


def test_an_answer_that_is_not_there_is_refused(store, bundle):
    record = record_of(store, report(bundle))
    with pytest.raises(GalaxyEdgeError, match="has no answer 'comet'"):
        explained(record, bundle, target_name="comet")


def run(tmp_path, bundle, *arguments):
    app = typer.Typer()
    app.command()(explain_sighting)
    options = ["--bundle", str(bundle.path), "--methods", "occlusion"]
    return CliRunner().invoke(app, [*arguments, *options])


def test_the_command_explains_beside_a_daemon_that_writes(store, bundle, tmp_path):
    made = report(bundle)
    old = replace(made.sighting, bundle_version="0.0.1", bundle_sha256="cd" * 32)
    store.record(replace(made, sighting=old))
    before = (tmp_path / "s.sqlite").read_bytes()
    pictures = sorted((tmp_path / "media").rglob("*"))
    writer = sqlite3.connect(tmp_path / "s.sqlite", timeout=1.0)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE sightings SET target = 'changed'")
    try:
        done = run(
            tmp_path,
            bundle,
            old.id[:8],
            "--store",
            str(tmp_path / "s.sqlite"),
            "--output",
            str(tmp_path / "why.html"),
        )
    finally:
        writer.rollback()
        writer.close()
    assert done.exit_code == 0, done.output
    assert "warning: sighting" in done.output
    assert "was made by tiny 0.0.1" in done.output
    assert "target 1" in (tmp_path / "why.html").read_text()
    assert (tmp_path / "s.sqlite").read_bytes() == before
    assert sorted((tmp_path / "media").rglob("*")) == pictures


def test_a_configuration_names_the_store(store, bundle, tmp_path):
    store.record(report(bundle))
    (tmp_path / "daemon.toml").write_text(
        '[store]\nurl = "s.sqlite"\nmedia_dir = "media"\n', encoding="utf-8"
    )
    done = run(tmp_path, bundle, "0000", "--config", str(tmp_path / "daemon.toml"))
    assert isinstance(done.exception, GalaxyEdgeError)
    assert "has no sighting '0000'; the last are" in str(done.exception)


def test_what_is_no_store_is_refused(bundle, tmp_path):
    done = run(tmp_path, bundle, "abcd", "--store", str(tmp_path / "none.sqlite"))
    assert isinstance(done.exception, StoreError)
    assert "none.sqlite does not exist" in str(done.exception)
    done = run(tmp_path, bundle, "abcd", "--store", "postgresql://host/db")
    assert isinstance(done.exception, ConfigError)
    assert "also name --media" in str(done.exception)
