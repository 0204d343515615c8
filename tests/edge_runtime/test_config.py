"""The configuration file: defaults, errors with their lines, and the generated template."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.config import (
    Config,
    config_toml,
    default_config_toml,
    load_config,
    with_overrides,
)
from edge_runtime.errors import ConfigError
from edge_runtime.toml_text import key_lines, toml_value


def error_of(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    file = tmp_path / "c.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(file, environ or {})
    return str(raised.value).replace(str(file), "c.toml").splitlines()


def test_without_a_file_everything_has_its_default():
    config = load_config(None, {})
    assert config == Config()
    assert (config.camera.source, config.web.host, config.web.port) == ("sim:", "127.0.0.1", 8756)
    assert (config.tracking.n, config.tracking.m) == (3, 5)


def test_the_template_reads_back_as_the_defaults(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(default_config_toml(), encoding="utf-8")
    assert load_config(file, {}) == Config()


def test_every_key_left_out_of_the_template_is_there_as_a_valid_comment(tmp_path):
    bundle = tmp_path / "mine"
    bundle.mkdir()
    lines = default_config_toml().splitlines()
    filled = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line
        for line in lines
    ).replace("/var/lib/galaxy-edge/bundles/mine", str(bundle))
    file = tmp_path / "c.toml"
    file.write_text(filled, encoding="utf-8")
    config = load_config(file, {})
    unset = [(section, key) for section, values in config for key, value in values if value is None]
    assert unset == []
    assert config.pipeline.score_threshold == 0.5
    assert config.bundle.path == bundle


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[camera]\nsource = 'sim:'\nhang_timeout = 4\n",
            "c.toml:3: camera.hang_timeout: unknown key; did you mean 'hang_timeout_s'?",
        ),
        ("[trackin]\nn = 1\n", "c.toml:1: trackin: unknown table; did you mean 'tracking'?"),
        ("[camera]\nport = 1\n", "c.toml:2: camera.port: unknown key; it belongs under [web]"),
        ("port = 1\n", "c.toml:1: port: unknown table; 'port' is a key of [web]"),
        (
            "[web]\n# port\nport = '8756'\n",
            "c.toml:3: web.port: must be a whole number from 0 to 65535; got '8756'",
        ),
        (
            "[web]\nport = 65536\n",
            "c.toml:2: web.port: must be a whole number from 0 to 65535; got 65536",
        ),
        (
            "[pipeline]\nscore_threshold = true\n",
            "c.toml:2: pipeline.score_threshold: must be a number from 0 to 1; got True",
        ),
        (
            "[camera]\nhang_timeout_s = nan\n",
            "c.toml:2: camera.hang_timeout_s: must be a number from 1 to 3600; got nan",
        ),
        (
            "[logging]\nlevel = 'loud'\n",
            "c.toml:2: logging.level: must be one of debug, info, warning, error; got 'loud'",
        ),
        (
            "web.enabled = 'yes'\n",
            "c.toml:1: web.enabled: must be true or false; got 'yes'",
        ),
        (
            "[tracking]\nn = 9\nm = 3\n",
            "c.toml:1: tracking: n = 9 is larger than m = 3; n must be at most m",
        ),
        ("web = 3\n", "c.toml:1: web: must be a table of keys, written [web]"),
        (
            "[camera]\nsource = ''\n",
            "c.toml:2: camera.source: must be text that is not empty; got ''",
        ),
        (
            "[camera]\nsource = \n",
            "c.toml:2: not valid TOML at column 10: Invalid value",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_is_allowed(tmp_path, text, expected):
    assert error_of(tmp_path, text) == [expected]


def test_every_mistake_is_reported_in_the_order_of_the_file(tmp_path):
    lines = error_of(tmp_path, "[web]\nport = -1\nx = 1\n[camera]\nsource = 1\n")
    assert [line.split(": ")[0] for line in lines] == ["c.toml:2", "c.toml:3", "c.toml:5"]


def test_an_unfinished_file_names_its_last_line(tmp_path):
    (line,) = error_of(tmp_path, "[camera]\nsource = 'sim:'\n[web")
    assert line.startswith("c.toml:3: not valid TOML: ")


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="no such configuration file; 'galaxy-edge config init"):
        load_config(tmp_path / "nope.toml", {})


def test_a_folder_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})
    (tmp_path / "b.toml").write_bytes(b"[web]\nhost='\xff'")
    with pytest.raises(ConfigError, match="not a text file in UTF-8"):
        load_config(tmp_path / "b.toml", {})


def test_the_password_comes_from_the_environment_before_the_file(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("[web]\npassword = 'from the file'\n", encoding="utf-8")
    in_file = load_config(file, {})
    both = load_config(file, {"GALAXY_EDGE_PASSWORD": "from outside"})
    assert in_file.web.password is not None
    assert both.web.password is not None
    assert in_file.web.password.get_secret_value() == "from the file"
    assert both.web.password.get_secret_value() == "from outside"


def test_a_password_is_never_shown(tmp_path):
    config = load_config(None, {"GALAXY_EDGE_PASSWORD": "correct horse"})
    assert "correct horse" not in config_toml(config) + repr(config)
    assert "# password is set" in config_toml(config)
    lines = error_of(tmp_path, "[web]\npassword = 'secret'\n")
    assert lines == ["c.toml:2: web.password: must be text of 8 characters or more"]
    lines = error_of(tmp_path, "", {"GALAXY_EDGE_PASSWORD": "secret"})
    assert lines == ["GALAXY_EDGE_PASSWORD: must be text of 8 characters or more"]


def test_relative_paths_start_at_the_files_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    file = tmp_path / "c.toml"
    file.write_text(
        "[bundle]\npath = 'mine'\n[store]\nurl = 'seen.sqlite'\nmedia_dir = 'pictures'\n",
        encoding="utf-8",
    )
    config = load_config(file, {})
    assert config.bundle.path == tmp_path / "mine"
    assert config.store.media_dir == tmp_path / "pictures"
    assert config.store.url == str(tmp_path / "seen.sqlite")


def test_a_bundle_that_is_not_there_is_a_mistake_in_the_file(tmp_path):
    (line,) = error_of(tmp_path, "[bundle]\n\npath = 'nope'\n")
    assert line.startswith("c.toml:3: bundle.path: there is no ")


def test_the_command_line_overrides_the_file():
    config = with_overrides(Config(), source="folder:night1", web_enabled=False)
    assert (config.camera.source, config.web.enabled) == ("folder:night1", False)
    assert with_overrides(Config()) == Config()


def test_shown_configuration_is_toml_that_reads_back(tmp_path):
    file = tmp_path / "c.toml"
    shown = config_toml(Config())
    file.write_text(shown, encoding="utf-8")
    assert load_config(file, {}) == Config()


def test_lines_of_dotted_quoted_and_nested_keys():
    text = 'a.b = 1\n\n["c d"]\n"e f" = """\nx = 1\n"""\ng = 2\n[h . i]\nj = [\n]\n'
    assert dict(key_lines(text)) == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c d",): 3,
        ("c d", "e f"): 4,
        ("c d", "g"): 7,
        ("h", "i"): 8,
        ("h", "i", "j"): 9,
    }


@given(
    st.text(st.characters(exclude_categories=("Cs",)))
    | st.integers(-(2**62), 2**62)
    | st.booleans()
)
def test_any_value_is_written_so_that_it_reads_back(value):
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value


def test_the_documentation_shows_the_template():
    guide = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
    assert f"```toml\n{default_config_toml()}```\n" in guide.read_text(encoding="utf-8")
