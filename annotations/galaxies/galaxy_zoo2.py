"""Galaxy Zoo 2: SDSS galaxies with debiased votes (Willett et al. 2013, Hart et al. 2016).

The published table has fractions within each question; the cumulative votes of
the challenge are made from them by the decision tree.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import StrictProblems, check_sums
from annotations.galaxies.dataset import CLASS5, GalaxySet
from annotations.galaxies.derived_classes import (
    class5_of_clear_votes,
    classes_from_votes,
    cumulative_votes,
)
from annotations.galaxies.places import find_pictures
from annotations.galaxies.rows import keep_present
from annotations.galaxies.tables import Table, TablePath, header_of
from annotations.galaxies.vote_cells import vote_fractions
from annotations.galaxies.whole_frames import scale_of_first
from edge_runtime.decision_tree import QUESTION_SLICES
from edge_runtime.evaluation.galaxy_labels import LabelError

TABLES = ("gz2_hart16.csv", "gz2_hart16.csv.gz", "zoo2MainSpecz.csv", "zoo2MainSpecz.csv.gz")
MAPPING = "gz2_filename_mapping.csv"
MAPPING_COLUMNS = ("objid", "sample", "asset_id")
PICTURES = ("images", "images_gz2")
OBJECT_COLUMN, SAMPLE_COLUMN = "dr7objid", "sample"

ANSWERS = (
    "t01_smooth_or_features_a01_smooth",
    "t01_smooth_or_features_a02_features_or_disk",
    "t01_smooth_or_features_a03_star_or_artifact",
    "t02_edgeon_a04_yes",
    "t02_edgeon_a05_no",
    "t03_bar_a06_bar",
    "t03_bar_a07_no_bar",
    "t04_spiral_a08_spiral",
    "t04_spiral_a09_no_spiral",
    "t05_bulge_prominence_a10_no_bulge",
    "t05_bulge_prominence_a11_just_noticeable",
    "t05_bulge_prominence_a12_obvious",
    "t05_bulge_prominence_a13_dominant",
    "t06_odd_a14_yes",
    "t06_odd_a15_no",
    "t07_rounded_a16_completely_round",
    "t07_rounded_a17_in_between",
    "t07_rounded_a18_cigar_shaped",
    "t08_odd_feature_a19_ring",
    "t08_odd_feature_a20_lens_or_arc",
    "t08_odd_feature_a21_disturbed",
    "t08_odd_feature_a22_irregular",
    "t08_odd_feature_a23_other",
    "t08_odd_feature_a24_merger",
    "t08_odd_feature_a38_dust_lane",
    "t09_bulge_shape_a25_rounded",
    "t09_bulge_shape_a26_boxy",
    "t09_bulge_shape_a27_no_bulge",
    "t10_arms_winding_a28_tight",
    "t10_arms_winding_a29_medium",
    "t10_arms_winding_a30_loose",
    "t11_arms_number_a31_1",
    "t11_arms_number_a32_2",
    "t11_arms_number_a33_3",
    "t11_arms_number_a34_4",
    "t11_arms_number_a36_more_than_4",
    "t11_arms_number_a37_cant_tell",
)
"""Names of the answers in the table, in the order of ``VOTE_COLUMNS``."""

_N = len(ANSWERS)


def read_galaxy_zoo2(
    path: Path, problems: ProblemList | None = None, *, skip_missing: bool = True
) -> GalaxySet:
    """Read the published tables and pictures.

    Parameters
    ----------
    path : Path
        Folder with the table of votes (``gz2_hart16.csv``, also gzipped),
        ``gz2_filename_mapping.csv``, and ``images/<asset_id>.jpg`` or
        ``images_gz2.zip``; or the table, with the rest beside it.
    problems : ProblemList, optional
        Takes what is wrong; rows with an error are left out. Without it the
        first error raises.
    skip_missing : bool
        Rows without a picture are left out with one warning: some galaxies of
        the published table have none.

    Returns
    -------
    GalaxySet
        Identities are ``gz2/asset_id``. ``votes`` are made from the debiased
        fractions, or the weighted ones where a question has no debiased ones;
        ``counts`` are the numbers of people. Classes follow from the votes.

    Raises
    ------
    AnnotationError
        A table or the pictures cannot be found or read.
    """
    found = StrictProblems() if problems is None else problems
    table_path = find_table(path)
    if table_path is None:
        raise AnnotationError(f"{path}: holds none of {', '.join(TABLES)}")
    mapping_path = table_path.parent / MAPPING
    if not mapping_path.is_file():
        raise AnnotationError(
            f"{mapping_path}: not found; it says which picture belongs to which galaxy"
        )
    assets, mapping_digest = _read_mapping(mapping_path, found)
    rows = _Rows()
    with Table(TablePath(table_path)) as table:
        rows.read(table, assets, found)
        digest = table.digest
    if rows.unnamed:
        found.warning(
            table_path,
            f"line {rows.unnamed[0]}",
            f"{len(rows.unnamed)} rows are left out, because {MAPPING} does not name their "
            "pictures; this is the first",
        )
    fractions = rows.fractions()
    votes = cumulative_votes(fractions)
    places = [f"line {line}" for line in rows.lines]
    check_sums(votes, table_path, places, found)
    pictures, missing = find_pictures(
        table_path.parent, PICTURES, [f"{asset}.jpg" for asset in rows.assets]
    )
    n = len(rows.assets)
    galaxies = GalaxySet(
        name="Galaxy Zoo 2",
        pictures=pictures,
        ids=tuple(f"gz2/{asset}" for asset in rows.assets),
        votes=votes,
        # the published thresholds are for fractions within a question
        classes=classes_from_votes(votes) | {CLASS5: class5_of_clear_votes(fractions)},
        counts=np.frombuffer(rows.counts, np.float32).reshape(n, _N),
        source=("gz2",) * n,
        frame_scale=scale_of_first(pictures, missing, table_path, found),
        data_hash=hashlib.sha256(f"{digest} {mapping_digest}".encode()).hexdigest(),
    )
    keep = np.ones(n, dtype=bool)
    return keep_present(
        galaxies, keep, missing, table_path, places, found, skip_missing=skip_missing
    )


def find_table(path: Path) -> Path | None:
    """Find the table of votes in a folder, or tell that a file is it; None if not."""
    if path.is_file():
        return path if is_table(path) else None
    return next((path / name for name in TABLES if (path / name).is_file()), None)


def is_table(path: Path) -> bool:
    """Tell the table by its columns."""
    header = {name.casefold() for name in header_of(path)}
    return {OBJECT_COLUMN, f"{ANSWERS[0]}_debiased"} <= header


@dataclass(slots=True)
class _Rows:
    """Rows of the table that can be used, in compact arrays."""

    assets: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    debiased: array[float] = field(default_factory=lambda: array("f"))
    weighted: array[float] = field(default_factory=lambda: array("f"))
    counts: array[float] = field(default_factory=lambda: array("f"))
    unnamed: list[int] = field(default_factory=list)

    def read(self, table: Table, assets: dict[int, dict[str, int]], problems: ProblemList) -> None:
        kinds = ("debiased", "weighted_fraction", "count")
        names = [f"{answer}_{kind}" for kind in kinds for answer in ANSWERS]
        sampled = SAMPLE_COLUMN in (name.casefold() for name in table.header)
        columns = [OBJECT_COLUMN, *names, *((SAMPLE_COLUMN,) if sampled else ())]
        file = Path(str(table.where))
        for line, cells in table.rows(columns, problems):
            try:
                galaxy = _whole(cells[0], OBJECT_COLUMN)
                values = vote_fractions(cells[1 : 1 + 2 * _N], names[: 2 * _N])
                counts = [
                    float(_whole(cell.removesuffix(".0"), name))
                    for cell, name in zip(
                        cells[1 + 2 * _N : 1 + 3 * _N], names[2 * _N :], strict=True
                    )
                ]
            except LabelError as error:
                problems.error(file, f"line {line}", str(error))
                continue
            of_samples = assets.get(galaxy)
            if of_samples is None:
                self.unnamed.append(line)
                continue
            sample = cells[-1] if sampled else ""
            self.assets.append(of_samples.get(sample, next(iter(of_samples.values()))))
            self.lines.append(line)
            self.debiased.extend(values[:_N])
            self.weighted.extend(values[_N:])
            self.counts.extend(counts)

    def fractions(self) -> NDArray[np.float32]:
        """Fractions within each question, shape (N, 37)."""
        shape = (len(self.assets), _N)
        fractions = np.frombuffer(self.debiased, np.float32).reshape(shape).copy()
        weighted = np.frombuffer(self.weighted, np.float32).reshape(shape)
        for columns in QUESTION_SLICES:
            empty = fractions[:, columns].sum(axis=1) == 0
            fractions[empty, columns] = weighted[empty, columns]
        return fractions


def _read_mapping(path: Path, problems: ProblemList) -> tuple[dict[int, dict[str, int]], str]:
    """Numbers of the pictures of each galaxy by sample, and the hash of the file."""
    assets: dict[int, dict[str, int]] = {}
    with Table(TablePath(path)) as table:
        for line, (galaxy, sample, asset) in table.rows(MAPPING_COLUMNS, problems):
            try:
                number = _whole(asset, "asset_id")
                held = assets.setdefault(_whole(galaxy, "objid"), {})
            except LabelError as error:
                problems.error(path, f"line {line}", str(error))
                continue
            if held.setdefault(sample, number) != number:
                problems.warning(
                    path, f"line {line}", f"names a second picture of galaxy {galaxy} in {sample}"
                )
        return assets, table.digest


def _whole(cell: str, column: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise LabelError(
            f"{column} is {cell!r}, not a whole number"
            + ("; a spreadsheet has rounded it" if "e+" in cell.lower() else "")
        )
    return int(cell)
