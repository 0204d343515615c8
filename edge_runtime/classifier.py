"""What kind of galaxy a crop shows, and whether it shows one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.loading import Bundle
from edge_runtime.classifier_answers import AnsweringNetwork, Classification
from edge_runtime.crops import crop_square
from edge_runtime.sighting import BoxXyxy

__all__ = ["Classification", "Classifier"]


class Classifier:
    """The bundle's classifier; one instance belongs to one thread."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self._spec = bundle.manifest.classifier
        self._fill = bundle.sky_pixel
        self._network = AnsweringNetwork(
            bundle.open_classifier(threads=threads),
            **self._spec.outputs.model_dump(),
            class_bias=self._spec.class_bias,
        )

    @property
    def input_size_px(self) -> int:
        """Side of the crops `classify` takes."""
        return self._spec.input_size_px

    def crop(self, picture: NDArray[np.uint8], box_xyxy_px: BoxXyxy) -> NDArray[np.uint8]:
        """The crop of a detection, shape (S, S, 3), uint8, RGB."""
        return crop_square(
            picture, box_xyxy_px, self._spec.crop_multiple, self._spec.input_size_px, self._fill
        )

    def classify(self, crop: NDArray[np.uint8]) -> Classification:
        """Classify one crop.

        Parameters
        ----------
        crop : ndarray, shape (S, S, 3), uint8, RGB
        """
        return self._network.classify(crop)
