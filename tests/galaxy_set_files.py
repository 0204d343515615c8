"""Small galaxy sets on disk, in the exact formats of the published ones."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np

from annotations.galaxies.galaxy_zoo2 import ANSWERS
from edge_runtime.decision_tree import QUESTION_SLICES, VOTE_COLUMNS, votes_from_logits


def galaxy_pixels(number: int, side_px: int) -> np.ndarray:
    """An ellipse of light on a dark sky, (side, side, 3), uint8, RGB; another for each number."""
    y, x = np.mgrid[:side_px, :side_px] - side_px / 2
    turn = 0.7 * number
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    light = np.exp(-np.hypot(along, across * (1 + number % 4)) / (side_px / 10))
    tint = np.array([1.0, 0.8, 0.5 + 0.1 * (number % 5)])
    return (20 + 220 * light[..., None] * tint).astype(np.uint8)


def encoded(pixels: np.ndarray, suffix: str) -> bytes:
    """Bytes of a JPEG or PNG file."""
    done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def tree_votes(count: int, seed: int = 0) -> np.ndarray:
    """Votes that obey the tree, (count, 37), float64."""
    return votes_from_logits(np.random.default_rng(seed).normal(0, 2, (count, 37))).astype(float)


def write_csv(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def zip_folder(folder: Path, path: Path, *, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path(inside) / file.relative_to(folder))
    return path


def write_labels(folder: Path, count: int = 6) -> Path:
    """``labels.csv`` with whole rows, one without votes, and pictures of 64 px."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    votes = tree_votes(count)
    header = ["file", "source", "id", "frame_scale", "split", "class5", "galaxy10", "gz1_class",
              "emle_class4", *VOTE_COLUMNS]  # fmt: skip
    rows: list[list[object]] = []
    for i in range(count):
        (folder / "images" / f"{i}.jpg").write_bytes(encoded(galaxy_pixels(i, 64), ".jpg"))
        split = ("train", "train", "val", "test")[i % 4]
        labels = ["spiral", "7", "", "barred_spiral"] if i % 2 else ["smooth_round", "1", "", ""]
        numbers = [f"{vote:.9f}" for vote in votes[i]]
        rows.append([f"images/{i}.jpg", "kaggle", 100 + i, "1.0", split, *labels, *numbers])
    (folder / "images" / "gz1.jpg").write_bytes(encoded(galaxy_pixels(99, 48), ".jpg"))
    rows.append(["images/gz1.jpg", "gz1", 587722, "", "train", "", "", "merger", "", *[""] * 37])
    return write_csv(folder / "labels.csv", header, rows)


def write_challenge(folder: Path, count: int = 5, side_px: int = 424) -> np.ndarray:
    """The training part of the Galaxy Zoo challenge; returns its votes."""
    pictures = folder / "images_training_rev1"
    pictures.mkdir(parents=True, exist_ok=True)
    votes = np.round(tree_votes(count, seed=1), 6)
    for i in range(count):
        (pictures / f"{100008 + i}.jpg").write_bytes(encoded(galaxy_pixels(i, side_px), ".jpg"))
    write_csv(
        folder / "training_solutions_rev1.csv",
        ["GalaxyID", *VOTE_COLUMNS],
        [[100008 + i, *votes[i]] for i in range(count)],
    )
    return votes


def gz2_rows(count: int) -> tuple[list[str], list[list[object]], np.ndarray, np.ndarray]:
    """Header and rows of the published table, and its debiased fractions and counts."""
    rng = np.random.default_rng(2)
    header = ["dr7objid", "ra", "dec", "rastring", "decstring", "sample", "gz2_class",
              "total_classifications", "total_votes"]  # fmt: skip
    kinds = ("count", "weight", "fraction", "weighted_fraction", "debiased", "flag")
    header += [f"{answer}_{kind}" for answer in ANSWERS for kind in kinds]
    counts = rng.integers(1, 30, (count, len(ANSWERS)))
    fractions = np.empty((count, len(ANSWERS)))
    for columns in QUESTION_SLICES:
        part = counts[:, columns]
        fractions[:, columns] = part / part.sum(axis=1, keepdims=True)
    rows: list[list[object]] = []
    for i in range(count):
        row: list[object] = [587722981742084100 + i, 180.5, 1.25, "12:02:00.0", "+01:15:00.0",
                             "original", "Sb", 45, 220]  # fmt: skip
        for number, fraction in zip(counts[i], fractions[i], strict=True):
            row += [number, float(number), *[f"{fraction:.9f}"] * 3, 0]
        rows.append(row)
    return header, rows, fractions, counts


def write_gz2(folder: Path, count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Galaxy Zoo 2 as published; returns debiased fractions and counts."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    header, rows, fractions, counts = gz2_rows(count)
    write_csv(folder / "gz2_hart16.csv", header, rows)
    write_csv(
        folder / "gz2_filename_mapping.csv",
        ["objid", "sample", "asset_id"],
        [[587722981742084100 + i, "original", 40 + i] for i in range(count)],
    )
    for i in range(count):
        path = folder / "images" / f"{40 + i}.jpg"
        path.write_bytes(encoded(galaxy_pixels(i, 424), ".jpg"))
    return fractions, counts


def write_galaxy10(path: Path, side_px: int, count: int = 12) -> np.ndarray:
    """Galaxy10 SDSS (69 px) or DECaLS (256 px); returns its pictures."""
    images = np.stack([galaxy_pixels(i, side_px) for i in range(count)])
    with h5py.File(path, "w") as file:
        file["images"] = images
        file["ans"] = (np.arange(count) % 10).astype(np.uint8)
        if side_px == 256:
            file["ra"] = np.linspace(120, 240, count)
            file["dec"] = np.linspace(-10, 30, count)
            file["redshift"] = np.full(count, 0.05)
            file["pxscale"] = np.full(count, 0.262)
    return images


def write_gama(folder: Path, targets: tuple[object, ...] = (0, 1, 1, 0)) -> None:
    """The GAMA set: ``TARGET`` is 0 for ellipticals."""
    (folder / "DATA").mkdir(parents=True, exist_ok=True)
    rows = [[250000 + i, target] for i, target in enumerate(targets)]
    write_csv(folder / "2class_list.csv", ["CATAID", "TARGET"], rows)
    for i in range(len(targets)):
        path = folder / "DATA" / f"{250000 + i}_giH.png"
        path.write_bytes(encoded(galaxy_pixels(i, 40), ".png"))
