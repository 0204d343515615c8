"""Headline numbers of the publications the architectures come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One published number.

    Attributes
    ----------
    row : str
        Row of the table it stands beside.
    what : str
        Network and figure.
    value : float
    data : str
        What it was trained on, and how much of it.
    """

    row: str
    what: str
    value: float
    data: str


_GALAXY_ZOO = "Galaxy Zoo challenge, 49 k training images"
_GALAXY10 = "Galaxy10 SDSS, 21,785 images in all"

PUBLISHED = (
    Published("parallel_cnn", "RMSE of the parallel CNN", 0.0985, _GALAXY_ZOO),
    Published("vit_small", "RMSE of the ViT", 0.0995, _GALAXY_ZOO),
    Published("vgg16", "RMSE of VGG16", 0.1152, _GALAXY_ZOO),
    Published("resnet50", "RMSE of ResNet50", 0.1433, _GALAXY_ZOO),
    Published("scratch_cnn", "Galaxy10 accuracy of the ensemble", 0.85, _GALAXY10),
    Published("tuned_small", "Galaxy10 accuracy of the small tuned network", 0.82, _GALAXY10),
    Published("gama_cnn", "elliptical accuracy", 0.89, "GAMA, elliptical and other, size unknown"),
)


def published_for(row: str) -> tuple[Published, ...]:
    """Numbers that stand beside a row."""
    return tuple(each for each in PUBLISHED if each.row == row)
