"""Ray Serve's router of the encoder replicas; what it decides by is in :mod:`serving.inference.affinity`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica

from serving.api.lane_types import AlignRequest
from serving.inference.affinity import preferred

ROUTER = "serving.ray.router:AffinityRouter"


class AffinityRouter(RequestRouter):
    """Takes an alignment to the replica that its ``affinity`` prefers.

    It runs in the process of the caller and knows the replicas' queues from their answers. A call that is no alignment
    (readiness, units to be stored) goes to the less busy of two replicas drawn at random. Serve finds a call again by
    the id of the HTTP request that it serves, so a lane may have one alignment of a request on the way at a time.
    """

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """The replicas to try one after the other; of several in one place the one with the shortest queue."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
        request = _alignment(pending_request)
        if request is None:
            return [random.sample(candidate_replicas, min(2, len(candidate_replicas)))]
        replicas = {replica.replica_id.unique_id: replica for replica in candidate_replicas}
        queues = self.replica_queue_len_cache
        loads = {name: queues.get(replica.replica_id) or 0 for name, replica in replicas.items()}
        return [[replicas[name]] for name in preferred(request.affinity, loads)]


def _alignment(pending_request: PendingRequest | None) -> AlignRequest | None:
    arguments: Sequence[object] = () if pending_request is None else pending_request.args
    return arguments[0] if arguments and isinstance(arguments[0], AlignRequest) else None
