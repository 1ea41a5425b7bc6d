"""Is there still a Ray to run on? Without one it waits for ever, or ends the process."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import ray

from .own_processes import Process

NO_NODE = "the Ray cluster has lost its last node"
# A cluster of our own is not started again by anybody: nothing is gained by Ray's usual minute.
PATIENCE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "10"}
_SECONDS_BETWEEN_LOOKS = 1.0
_UNANSWERED = 3  # looks in a row


def nodes() -> Sequence[dict[str, Any]]:
    """Return the nodes that Ray counts as alive."""
    every: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in every if node["Alive"]]


@contextlib.contextmanager
def watched(ours: Sequence[Process] = ()) -> Iterator[None]:
    """Say so on the standard error stream when the head of the cluster is gone.

    Args:
        ours: processes of a cluster of our own, which then end with it.

    Whoever calls Ray is then held up inside it, until the head is back or Ray loses patience and
    ends the process (exit code 1) without an exception: nobody else could say it.
    """
    address = ray.get_runtime_context().gcs_address
    # Through a Ray Client the head is seen from elsewhere.
    if not _answers(address):
        yield
        return
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(address, over, ours), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(address: str, over: threading.Event, ours: Sequence[Process]) -> None:
    unanswered = 0
    while not over.wait(_SECONDS_BETWEEN_LOOKS):
        unanswered = 0 if _answers(address) else unanswered + 1
        if unanswered == _UNANSWERED:
            print(
                f"optcell-search: the head of the Ray cluster, {address}, does not answer; if it "
                "stays away the run ends here, and `optcell-search resume` goes on with it",
                file=sys.stderr,
                flush=True,
            )
            for process in ours:
                process.kill()


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError:
        return False
    return True
