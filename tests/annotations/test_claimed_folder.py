"""A folder is resumed with the same settings only."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations.claimed_folder import claim_folder
from edge_runtime.errors import ConfigError

SETTINGS = {"steps": 1000, "families": ("a", "b")}


def test_a_folder_is_resumed_with_the_same_settings_only(tmp_path: Path):
    claim_folder(tmp_path, SETTINGS, "cross-validation")
    claim_folder(tmp_path, SETTINGS, "cross-validation")
    with pytest.raises(ConfigError, match="with steps 1000, not 7; name another --output"):
        claim_folder(tmp_path, {**SETTINGS, "steps": 7}, "cross-validation")


@pytest.mark.parametrize(
    ("content", "message"), [("{", "cannot be read"), ("[]", "not the settings of a search")]
)
def test_other_files_of_that_name_are_refused(tmp_path: Path, content: str, message: str):
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        claim_folder(tmp_path, SETTINGS, "search")
