"""Variants of a bundle on the same frames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from square_frames import write_square_frames
from tiny_bundles import make_tiny_bundle

from detection.evaluation.ablation import (
    Variant,
    markdown_table,
    read_variants,
    run_ablation,
    standard_variants,
)
from edge_runtime.errors import BundleError, GalaxyEdgeError
from edge_runtime.evaluation.coco import read_coco


def test_variants_share_frames_and_differ_in_figures(tmp_path: Path):
    bundle = make_tiny_bundle(tmp_path / "tiny")
    images, annotations = write_square_frames(tmp_path / "frames")
    passes: list[str] = []
    rows = run_ablation(
        [
            Variant("plain", bundle),
            Variant("no veto", bundle, veto=False),
            Variant("strict", bundle, {"classifier": {"veto_threshold": 1.0}}),
            Variant("coarse", bundle, {"detector": {"tiling": {"scales": [64, 0]}}}),
        ],
        read_coco(annotations, images),
        rates=(0.0, 0.25),
        progress=lambda name, done, total: passes.append(name),
    )
    plain, without, strict, coarse = rows
    # the decoy scores as high as the squares: at no false positive, nothing is left
    assert plain.recalls == {0.0: 0.0, 0.25: 0.75}
    assert without.recalls == {0.0: 0.0, 0.25: 0.75}
    assert strict.recalls[0.25] == 0.0
    assert plain.ap50 == pytest.approx(76 / 101)  # recall reaches 0.75
    assert plain.ap50_difference is None
    assert strict.ap50_difference is not None
    assert strict.ap50_difference.difference == pytest.approx(-76 / 101)
    assert coarse.recalls == plain.recalls
    assert passes == ["plain"] * 7 + ["coarse"] * 7  # another scoring needs no pass of its own
    assert without.frame_ms < plain.frame_ms
    table = markdown_table(rows)
    assert "| plain | 0.000 | 0.750 | 0.752 | — |" in table
    assert len(table.splitlines()) == 6
    assert (
        json.loads(json.dumps(plain.as_dict(), allow_nan=False))["recall_iou30_at_fp0.25"] == 0.75
    )


def test_ablation_needs_both_kinds_of_frame(tmp_path: Path):
    bundle = make_tiny_bundle(tmp_path / "tiny")
    images, annotations = write_square_frames(tmp_path / "frames", decoys=0, empty=0)
    with pytest.raises(GalaxyEdgeError, match="frames without"):
        run_ablation([Variant("plain", bundle)], read_coco(annotations, images))
    with pytest.raises(GalaxyEdgeError, match="at least one variant"):
        run_ablation([], [])


def test_wrong_override_is_an_error_before_any_frame(tmp_path: Path):
    bundle = make_tiny_bundle(tmp_path / "tiny")
    images, annotations = write_square_frames(tmp_path / "frames")
    with pytest.raises(BundleError, match="tilings"):
        run_ablation(
            [Variant("wrong", bundle, {"detector": {"tilings": {}}})],
            read_coco(annotations, images),
        )


def test_variants_are_read_from_a_file(tmp_path: Path):
    path = tmp_path / "variants.json"
    path.write_text(
        '[{"name": "a", "bundle": "b"}, {"name": "s", "sep": true, "veto": false},'
        ' {"name": "t", "sep": {"score": 0.6}, "overrides": {"score_threshold": 0.4}}]'
    )
    first, second, third = read_variants(path)
    assert first.bundle == tmp_path / "b"
    assert first.sep is None
    assert second.sep is not None
    assert not second.veto
    assert third.sep is not None
    assert third.sep.score == 0.6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected a list"),
        ('[{"name": "a"}, {"nome": "b"}]', "variant 2.*nome"),
        ('[{"name": "a", "sep": {"sigma": 2}}]', "variant 1.*sigma"),
        ('[{"name": "a"}, {"name": "a"}]', "two variants have the same name"),
    ],
)
def test_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, content: str, message: str):
    path = tmp_path / "variants.json"
    path.write_text(content)
    with pytest.raises(GalaxyEdgeError, match=rf"variants\.json: {message}"):
        read_variants(path)


def test_standard_variants_cover_veto_scales_and_source_extraction():
    variants = standard_variants()
    assert {variant.veto for variant in variants} == {True, False}
    assert any(variant.sep for variant in variants)
    assert len({variant.name for variant in variants}) == len(variants)
