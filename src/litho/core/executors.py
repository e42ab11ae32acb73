"""Where pieces of work are done: on the machines of a Ray cluster."""

import logging
import socket
from importlib.util import find_spec
from typing import Self

from litho.core.errors import LithoError, first_line
from litho.core.work import Piece, Result

ATTEMPTS = 2  # of a piece that hangs; one whose worker dies is begun again by Ray itself
DEATHS = 3


class Cluster:
    """A connection to the machines. All of them need Litho, and models under the same names."""

    def __init__(self, address: str, patience: float) -> None:
        """`patience`: seconds until a piece counts as hanging.

        Raises LithoError if Ray is not installed or nothing answers at the address.
        """
        check_cluster(address)
        import ray

        self._ray, self._patience = ray, patience
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise LithoError(f"no Ray cluster answers at {address!r}: {error}") from None
        self.slots = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
        self._task = ray.remote(num_cpus=1, max_retries=DEATHS)(_done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def do(self, piece: Piece) -> Result:
        """Do a piece on one CPU of the cluster.

        Raises LithoError if it hangs or is lost, and whatever the piece itself raises.
        """
        errors = self._ray.exceptions
        for _ in range(ATTEMPTS):
            reference = self._task.remote(piece)
            try:
                return self._ray.get(reference, timeout=self._patience)
            except errors.GetTimeoutError:
                self._ray.cancel(reference, force=True)
            except errors.RayTaskError as error:
                raise error.cause from None
            except errors.RayError as error:
                raise LithoError(f"a run was lost on the cluster: {first_line(error)}") from None
        raise LithoError(
            f"a run took longer than {self._patience:.0f} s on the cluster, {ATTEMPTS} times"
        )


def check_cluster(address: str) -> None:
    """Raises LithoError if Ray is not installed or nothing listens at the address.

    Ray itself would go on trying for minutes.
    """
    if not find_spec("ray"):
        raise LithoError("a cluster needs Ray: pip install 'litho[cluster]'")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise LithoError(f"no Ray cluster answers at {address!r}: {error}") from None


def _done(piece: Piece) -> Result:
    return piece()
