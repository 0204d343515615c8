"""Where a chief listens, and how keras-tuner is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge_runtime.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port of a chief."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Of ``HOST:PORT``.

        Raises
        ------
        ConfigError
            It is not of this form.
        """
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"--chief {text!r}: expected HOST:PORT, such as node01:5050")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@contextmanager
def known_to_keras_tuner(address: Address, tuner_id: str) -> Iterator[None]:
    """Set the variables from which keras-tuner takes the chief's address and its own name."""
    wanted = {
        "KERASTUNER_ORACLE_IP": address.host,
        "KERASTUNER_ORACLE_PORT": str(address.port),
        "KERASTUNER_TUNER_ID": tuner_id,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
