"""Computations with secure sums in the one form that TFF takes apart.

That form is `(state@SERVER, data@CLIENTS) -> (state, output)@SERVER`. A computation without a
state, with several arguments or with other results gets a state that stays as it is, and all of its
results for the output.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_health.workers.structures import from_leaves, leaves


@dataclass(frozen=True)
class RoundForm:
    """A computation as a round.

    Attributes:
        computation: of the form above.
    """

    computation: tff.framework.ConcreteComputation

    def argument(self, argument: Any) -> tuple[Any, Any]:
        """Returns state and clients' data from what the original computation was called with."""
        state, data = argument
        return state, data

    def result(self, result: Any) -> Any:
        """Returns the original computation's result, in its own Python containers."""
        kind = self.computation.type_signature.result
        return from_leaves(leaves(result, kind), kind)


@dataclass(frozen=True)
class _WrappedForm(RoundForm):
    """A computation that was given a state.

    Attributes:
        original: the computation.
        placements: of its arguments.
    """

    original: tff.framework.ConcreteComputation
    placements: tuple[Any, ...]

    def argument(self, argument: Any) -> tuple[Any, Any]:
        takes_several = isinstance(self.original.type_signature.parameter, tff.StructType)
        given = list(zip(argument if takes_several else [argument], self.placements, strict=True))
        state = tuple(value for value, where in given if where is tff.SERVER)
        held = [value for value, where in given if where is tff.CLIENTS]
        return state or 0, held[0] if len(held) == 1 else list(zip(*held, strict=True))

    def result(self, result: Any) -> Any:
        _, output_type = self.computation.type_signature.result
        _, output = result.values() if isinstance(result, Mapping) else result
        return from_leaves(leaves(output, output_type), self.original.type_signature.result)


def as_round(computation: tff.framework.ConcreteComputation) -> RoundForm:
    """Returns a computation as a round.

    Raises:
        TypeError: if an argument is not placed at SERVER or CLIENTS, none is placed at CLIENTS, or
            a result is not placed at SERVER.
    """
    if is_round(computation) and _is_pair(computation.type_signature.result):
        state, _ = computation.type_signature.parameter
        new_state, _ = computation.type_signature.result
        if state.is_assignable_from(new_state):
            return RoundForm(computation)
    return _wrap(computation)


def is_round(computation: tff.framework.ConcreteComputation) -> bool:
    """Tells whether a computation takes state at the server and data at the clients."""
    parameter = computation.type_signature.parameter
    return _is_pair(parameter) and [_placement(kind) for kind in parameter] == [
        tff.SERVER,
        tff.CLIENTS,
    ]


def _wrap(computation: tff.framework.ConcreteComputation) -> RoundForm:
    parameter = computation.type_signature.parameter
    kinds = list(parameter) if isinstance(parameter, tff.StructType) else [parameter]
    placements = tuple(_placement(kind) for kind in kinds)
    if not set(placements) <= {tff.SERVER, tff.CLIENTS} or tff.CLIENTS not in placements:
        raise TypeError("its arguments must be placed at SERVER or CLIENTS, and one at CLIENTS")
    if not _is_at_server(computation.type_signature.result):
        raise TypeError("its results must be placed at SERVER")
    server = [kind.member for kind in kinds if kind.placement is tff.SERVER]
    clients = [kind.member for kind in kinds if kind.placement is tff.CLIENTS]
    state_type = tuple(server) if server else np.int32
    data_type = clients[0] if len(clients) == 1 else tuple(clients)

    @tff.federated_computation(
        tff.FederatedType(state_type, tff.SERVER), tff.FederatedType(data_type, tff.CLIENTS)
    )
    def round_of(state, data):  # type: ignore[no-untyped-def]
        held = iter([data] if len(clients) == 1 else [data[i] for i in range(len(clients))])
        kept = iter([state[i] for i in range(len(server))])
        given = [next(held) if where is tff.CLIENTS else next(kept) for where in placements]
        output = computation(*given)
        if isinstance(output.type_signature, tff.StructType):
            output = tff.federated_zip(output)
        return state, output

    return _WrappedForm(round_of, computation, placements)


def _is_pair(kind: tff.Type) -> bool:
    return isinstance(kind, tff.StructType) and len(kind) == 2


def _placement(kind: tff.Type) -> Any:
    return getattr(kind, "placement", None)


def _is_at_server(kind: tff.Type) -> bool:
    if isinstance(kind, tff.StructType):
        return len(kind) > 0 and all(_is_at_server(child) for child in kind)
    return _placement(kind) is tff.SERVER
