import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_galaxies import drawn_galaxies

from annotations.galaxies.dataset import GalaxySet
from classification.picture_cache import (
    Crops,
    CropsInFile,
    CropsInMemory,
    CropsOnDemand,
    cache_key,
    prepare_crops,
)
from classification.preparation import Preparation
from edge_runtime.errors import FrameError, GalaxyEdgeError

PREPARATION = Preparation(None, 16, "area")


@pytest.fixture
def galaxies() -> GalaxySet:
    return drawn_galaxies(600)


class Failing:
    """Pictures that cannot be read from one on, and those read before."""

    def __init__(self, galaxies: GalaxySet, first: int) -> None:
        self._pictures = galaxies.pictures
        self._first = first
        self.read_before: list[int] = []

    def __len__(self) -> int:
        return len(self._pictures)

    def name(self, index: int) -> str:
        return self._pictures.name(index)

    def read(self, index: int) -> np.ndarray:
        if index >= self._first:
            raise FrameError(f"{self.name(index)}: cannot be read")
        self.read_before.append(index)
        return self._pictures.read(index)


def all_of(crops: Crops) -> np.ndarray:
    return crops.read(np.arange(len(crops)))


def test_memory_file_and_stream_hold_the_same_crops(galaxies: GalaxySet, tmp_path: Path) -> None:
    in_memory = prepare_crops(galaxies, PREPARATION)
    in_file = prepare_crops(galaxies, PREPARATION, cache=tmp_path, memory_limit_bytes=1000)
    on_demand = prepare_crops(galaxies, PREPARATION, memory_limit_bytes=1000)
    assert isinstance(in_memory, CropsInMemory)
    assert isinstance(in_file, CropsInFile)
    assert isinstance(on_demand, CropsOnDemand)
    assert all_of(in_memory).shape == (600, 16, 16, 3)
    np.testing.assert_array_equal(all_of(in_memory), all_of(in_file))
    rows = np.array([599, 0, 300, 0])
    np.testing.assert_array_equal(on_demand.read(rows), in_file.read(rows))
    np.testing.assert_array_equal(
        in_memory.read(rows)[1], PREPARATION.prepare(galaxies.pictures.read(0))
    )


def test_a_file_that_was_broken_off_is_gone_on_with(galaxies: GalaxySet, tmp_path: Path) -> None:
    options = {"cache": tmp_path, "memory_limit_bytes": 0}
    with pytest.raises(FrameError, match="drawn galaxy 520: cannot be read"):
        prepare_crops(replace(galaxies, pictures=Failing(galaxies, 520)), PREPARATION, **options)
    (partial,) = tmp_path.glob("*.partial")
    with partial.open("ab") as stream:
        stream.write(b"torn")  # as where the power went off
    again = Failing(galaxies, 600)
    told: list[tuple[int, int]] = []
    found = prepare_crops(
        replace(galaxies, pictures=again),
        PREPARATION,
        progress=lambda done, total: told.append((done, total)),
        **options,
    )
    assert sorted(again.read_before) == list(range(512, 600))
    assert told == [(600, 600)]
    np.testing.assert_array_equal(all_of(found), all_of(CropsOnDemand(galaxies, PREPARATION)))
    assert not list(tmp_path.glob("*.partial"))


def test_a_file_is_made_once(galaxies: GalaxySet, tmp_path: Path) -> None:
    options = {"cache": tmp_path, "memory_limit_bytes": 0}
    prepare_crops(galaxies, PREPARATION, **options)
    none = replace(galaxies, pictures=Failing(galaxies, 0))
    assert len(prepare_crops(none, PREPARATION, **options)) == 600


def test_the_key_tells_labels_rows_scale_and_preparation_apart(galaxies: GalaxySet) -> None:
    keys = {
        cache_key(galaxies, PREPARATION),
        cache_key(galaxies, replace(PREPARATION, size_px=17)),
        cache_key(galaxies, replace(PREPARATION, interpolation="bicubic")),
        cache_key(replace(galaxies, data_hash="other"), PREPARATION),
        cache_key(galaxies.rows(np.arange(599)), PREPARATION),
        cache_key(galaxies.rows(np.arange(600)[::-1]), PREPARATION),
        cache_key(replace(galaxies, frame_scale=np.ones(600, np.float32)), PREPARATION),
    }
    assert len(keys) == 7
    assert cache_key(drawn_galaxies(600), PREPARATION) in keys


def test_a_cache_that_cannot_be_written_is_named(galaxies: GalaxySet, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GalaxyEdgeError, match=r"file: cannot keep .* MB of prepared pictures"):
        prepare_crops(galaxies, PREPARATION, cache=tmp_path / "file", memory_limit_bytes=0)


_PEAK = """
import resource, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {repository!r})
from annotations.galaxies.dataset import GalaxySet
from classification.picture_cache import prepare_crops
from classification.preparation import Preparation
class Flat:
    def __len__(self):
        return {count}
    def name(self, index):
        return str(index)
    def read(self, index):
        return np.full((64, 64, 3), index % 256, np.uint8)
ids = tuple(map(str, range({count})))
galaxies = GalaxySet("flat", Flat(), ids, np.zeros(({count}, 37), np.float32))
crops = prepare_crops(galaxies, Preparation(None, 64), cache=Path(sys.argv[1]),
                      memory_limit_bytes=0)
order = np.random.default_rng(0).permutation({count})
for rows in np.array_split(order, {count} // 50):
    assert (crops.read(rows)[:, 5, 5, 1] == rows % 256).all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    def peak_mb(count: int) -> float:
        script = _PEAK.format(repository=str(Path(__file__).parents[2]), count=count)
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / str(count))],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout)

    few, many = peak_mb(1_000), peak_mb(12_000)
    # the crops of 11,000 more pictures are 135 MB; their labels and ids a few
    assert many - few < 30
