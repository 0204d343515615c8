"""A worker of a search on several machines: it runs the trials its chief hands out."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_client import OracleClient

from edge_runtime.errors import GalaxyEdgeError
from tuning.address import Address, known_to_keras_tuner
from tuning.chief import LEASE_S
from tuning.limited_process import POLL_S
from tuning.record import read_search
from tuning.search import run_trials
from tuning.settings import SEARCH_NAME, SearchSettings, require_same
from tuning.spaces import SearchSpace
from tuning.trial_runner import TRIAL_COMMAND, TrialRunner

log = logging.getLogger(__name__)

WAIT_S = 600.0
"""For the chief to begin."""

_SIGNS_PER_LEASE = 4
_LONGEST_CALL_S = 5.0
_SAFE = 0.8  # of a lease: a trial is given up before the chief hands it out again
_LOOK_EVERY_S = 0.5


def work_for_chief(
    settings: SearchSettings,
    space: SearchSpace,
    folder: Path,
    address: Address,
    *,
    name: str | None = None,
    lease_s: float = LEASE_S,
    wait_s: float = WAIT_S,
    command: Sequence[str] = TRIAL_COMMAND,
    poll_s: float = POLL_S,
) -> int:
    """Run trials until the chief has no more.

    Parameters
    ----------
    settings : SearchSettings
        The same as the chief's.
    space : SearchSpace
    folder : Path
        Of the search; the chief's own, on a file system both see.
    address : Address
        Of the chief.
    name : str, optional
        Of this worker; one that is started again under its name gets the trial
        it was at. By default of machine and process.
    lease_s : float
        The same as the chief's.
    wait_s : float
        How long to wait for the chief to begin.
    command, poll_s
        See ``tuning.trial_runner.TrialRunner``.

    Returns
    -------
    int
        Trials run.

    Raises
    ------
    ConfigError
        The search in the folder has another configuration.
    GalaxyEdgeError
        There is no chief, or it is silent while a trial runs.
    """
    await_search(folder, settings, wait_s)
    if read_search(folder).is_finished:
        log.info("%s: the search has come to its end", folder)
        return 0
    worker = worker_name(name)
    _wait_for_chief(address, wait_s)
    with known_to_keras_tuner(address, worker):
        client = OracleClient(None)
    log.info("worker %s of the chief at %s", worker, address)
    signs = SignsOfLife(_asking(client), lease_s)
    runner = TrialRunner(folder, settings, space, command, poll_s)
    done = 0

    def begun(trial_id: str) -> None:
        nonlocal done
        done += 1
        signs.begin(trial_id)

    try:
        run_trials(
            client, runner, folder, settings, space, tuner_id=worker, tick=signs.give, begun=begun
        )
    except grpc.RpcError as error:
        raise GalaxyEdgeError(f"the chief at {address} does not answer ({_told(error)})") from error
    return done


def await_search(folder: Path, settings: SearchSettings, wait_s: float = WAIT_S) -> None:
    """Wait until a chief has begun a search in a folder, and see that it is the same.

    Raises
    ------
    ConfigError
        It has another configuration; the message names each difference.
    GalaxyEdgeError
        No chief has begun there in time.
    """
    end = time.monotonic() + wait_s
    while not (folder / SEARCH_NAME).exists():
        if time.monotonic() > end:
            raise GalaxyEdgeError(
                f"{folder}: no chief has begun a search here within {wait_s:.0f} s; workers need "
                "the chief's own --output, on a file system they share"
            )
        time.sleep(_LOOK_EVERY_S)
    require_same(SearchSettings.read(folder), settings, folder)


def worker_name(name: str | None) -> str:
    """Name by which the chief knows a worker."""
    # keras-tuner takes whoever has "chief" in its name for the chief
    chosen = name or f"{socket.gethostname()}-{os.getpid()}"
    return f"worker-{chosen.replace('chief', 'ch_ef')}"


class SignsOfLife:
    """Tells the chief now and then that a trial is at work.

    Parameters
    ----------
    ask : callable
        Asks the chief for a trial; raises ``grpc.RpcError``.
    lease_s : float
        The chief's; before it is over without an answer the trial is given up,
        so that no two workers are at it.
    clock : callable
        Seconds from any origin.
    """

    def __init__(
        self,
        ask: Callable[[str, float], None],
        lease_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._lease_s = lease_s
        self._every_s = lease_s / _SIGNS_PER_LEASE
        self._clock = clock
        self._trial = ""
        self._answered = self._asked = clock()

    def begin(self, trial_id: str) -> None:
        """A trial begins, of which the chief has just told."""
        self._trial = trial_id
        self._answered = self._asked = self._clock()

    def give(self) -> None:
        """Give a sign where one is due.

        Raises
        ------
        GalaxyEdgeError
            The chief has not answered for most of a lease.
        """
        now = self._clock()
        silent_s = now - self._answered
        if silent_s > _SAFE * self._lease_s:  # also where it was this machine that slept
            raise GalaxyEdgeError(
                f"nothing was heard of the chief for {silent_s:.0f} s, so trial {self._trial} is "
                "given up; see that the chief is at work, and start this worker again"
            )
        if now - self._asked < self._every_s:
            return
        self._asked = now
        try:
            self._ask(self._trial, min(_LONGEST_CALL_S, self._every_s))
            self._answered = now
        except grpc.RpcError as error:
            log.warning("the chief does not answer (%s)", _told(error))


def _asking(client: OracleClient) -> Callable[[str, float], None]:
    """A question that does not wait as long as keras-tuner's own, which is an hour."""

    def ask(trial_id: str, timeout_s: float) -> None:
        request = protos.get_service().GetTrialRequest(trial_id=trial_id)
        client.stub.GetTrial(request, timeout=timeout_s)

    return ask


def _wait_for_chief(address: Address, wait_s: float) -> None:
    channel = grpc.insecure_channel(str(address))
    try:
        grpc.channel_ready_future(channel).result(wait_s)
    except grpc.FutureTimeoutError as error:
        raise GalaxyEdgeError(
            f"--chief {address}: nobody answers there after {wait_s:.0f} s; start the chief, or "
            "look whether a firewall is in between"
        ) from error
    finally:
        channel.close()


def _told(error: grpc.RpcError) -> str:
    code = getattr(error, "code", None)
    return code().name if callable(code) else str(error)
