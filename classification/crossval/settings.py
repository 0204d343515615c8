"""What a cross-validation of classifiers was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CrossvalSettings:
    """Settings that decide the result; a resumed run must have the same.

    Attributes
    ----------
    presets : tuple of str
        Names of ``classification.presets``.
    data : str
        Path of the galaxies.
    folds : int
        At least 2.
    epochs, batch, limit, input_size_px : int or None
        Of each training, instead of the preset's; see ``training.train``.
    turned_views : int
        Views each held-out galaxy is seen in.
    seed : int
        Of the folds and, with the fold's number added, of the trainings.
    everything : bool
        Also the rows of the split ``test``.
    data_hash : str
        Of the labels.
    """

    presets: tuple[str, ...]
    data: str
    folds: int = 5
    epochs: int | None = None
    batch: int | None = None
    limit: int | None = None
    input_size_px: int | None = None
    turned_views: int = 1
    seed: int = 1
    everything: bool = False
    data_hash: str = ""

    def __post_init__(self) -> None:
        if not self.presets or len(set(self.presets)) != len(self.presets):
            raise ConfigError("--preset names no preset, or one of them twice")
        if self.folds < 2:
            raise ConfigError(f"--folds {self.folds}: a cross-validation needs at least 2")

    @property
    def targets(self) -> tuple[str, ...]:
        """What the presets learn, each once.

        Raises
        ------
        ConfigError
            There is no such preset.
        """
        from classification.presets import preset

        return tuple(dict.fromkeys(preset(name).target for name in self.presets))
