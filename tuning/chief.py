"""The chief of a search on several machines: it says which trial is next.

Workers speak keras-tuner's own gRPC with it. keras-tuner's own server waits for
ever for a worker that is dead, and holds its lock for ever after an error; so
the loop around the service is here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.address import Address
from tuning.hparams import write_experiment
from tuning.objective import METRICS
from tuning.oracles import make_oracle
from tuning.record import SearchRecord, read_search
from tuning.search import Report, require_few_failures, searching_alone
from tuning.search_oracle import SearchOracle
from tuning.settings import SearchSettings
from tuning.spaces import SearchSpace

log = logging.getLogger(__name__)

LEASE_S = 120.0
"""Time without a word after which a worker counts as lost."""

_LOOK_EVERY_S = 1.0
_THREADS = 8  # a worker's sign of life is not to wait for another's next trial
_FAREWELL_S = 5.0
_ALONE_EVERY_S = 300.0


class _Servicer(OracleServicer):  # type: ignore[misc]
    """keras-tuner's service, which keeps the error that ends it."""

    def __init__(self, oracle: SearchOracle) -> None:
        super().__init__(oracle)
        self.error: Exception | None = None

    def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802  of the protocol
        return self._guarded(super().CreateTrial, request, context)

    def UpdateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._guarded(super().UpdateTrial, request, context)

    def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._guarded(super().EndTrial, request, context)

    def _guarded(self, call: Callable[[Any, Any], Any], request: Any, context: Any) -> Any:
        try:
            return call(request, context)
        except Exception as error:
            self.error = error
            raise


def serve_search(
    settings: SearchSettings,
    space: SearchSpace,
    folder: Path,
    address: Address,
    report: Report | None = None,
    *,
    lease_s: float = LEASE_S,
) -> SearchRecord:
    """Hand out the trials of a search to workers until all have ended.

    Parameters
    ----------
    settings : SearchSettings
    space : SearchSpace
    folder : Path
        That ``claim_search`` has claimed, and that the workers see, too.
    address : Address
        To listen at.
    report : callable, optional
        Told about every second how far the search has come.
    lease_s : float
        A trial is handed out again when nothing was heard of its worker for so
        long.

    Raises
    ------
    ConfigError
        The address cannot be listened at.
    GalaxyEdgeError
        Too many trials failed one after the other, or another process searches
        in the folder.
    """
    with searching_alone(folder):
        oracle = make_oracle(settings, space, folder, lease_s=lease_s)
        write_experiment(folder, space, METRICS[settings.subject])
        servicer = _Servicer(oracle)
        server = _listen(servicer, address)
        log.info("chief of %s, at %s", folder, address)
        try:
            _wait_for_end(oracle, servicer, report)
            _wait_for_farewells(oracle, lease_s)
        finally:
            server.stop(_FAREWELL_S).wait()
        if report is not None:
            report(oracle.progress())
        require_few_failures(oracle, folder)
    return read_search(folder)


def _listen(servicer: _Servicer, address: Address) -> grpc.Server:
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=_THREADS),
        options=[("grpc.so_reuseport", 0)],  # a second chief is to be refused
    )
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise _cannot_listen(address) from error
    if not bound:
        raise _cannot_listen(address)
    server.start()
    return server


def _cannot_listen(address: Address) -> ConfigError:
    return ConfigError(
        f"--chief {address}: cannot be listened at; take an address of this machine, and a port "
        "that is free"
    )


def _wait_for_end(oracle: SearchOracle, servicer: _Servicer, report: Report | None) -> None:
    heard_of_none = time.monotonic()
    while not oracle.is_finished:
        time.sleep(_LOOK_EVERY_S)
        if servicer.error is not None:
            raise GalaxyEdgeError(
                f"the chief cannot go on: {servicer.error}; start the same command again"
            ) from servicer.error
        oracle.take_back_lost()
        if report is not None:
            report(oracle.progress())
        now = time.monotonic()
        if oracle.tuner_ids:
            heard_of_none = now
        elif now - heard_of_none > _ALONE_EVERY_S:
            heard_of_none = now
            log.warning("no worker is at work; start some with --role worker")


def _wait_for_farewells(oracle: SearchOracle, lease_s: float) -> None:
    """Until every worker was told that there are no more trials, or is lost."""
    end = time.monotonic() + lease_s
    while oracle.tuner_ids and time.monotonic() < end:
        time.sleep(_LOOK_EVERY_S / 4)
