"""A TFF computation with secure sums, taken apart so that the sums can be computed elsewhere.

It becomes: the server prepares, clients work, secure sums are left to a protocol, the server
finishes. TFF's own compiler does it
(`tff.backends.mapreduce`), so each part is a TFF computation that any executor runs.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.errors import RunError
from tff_health.secure_aggregation.round_form import as_round
from tff_health.secure_aggregation.slots import KINDS, Kind, Slot
from tff_health.workers.structures import from_leaves, leaf_names, leaves, tensor_types

_SECURE_SUMS = (
    "federated_secure_sum",
    "federated_secure_sum_bitwidth",
    "federated_secure_modular_sum",
)


class SplitComputation:
    """The parts of one computation.

    Args:
        computation: takes data at the clients, and may take more there and at the server; returns
            what is at the server.

    Attributes:
        prepare: TFF computation `state -> broadcast`, run by the server.
        work: TFF computation `(data@CLIENTS, broadcast@SERVER) -> {contribution}@CLIENTS`.
        finish: TFF computation `(state@SERVER, {plain}@CLIENTS, *sums@SERVER) -> result@SERVER`;
            `plain` is what clients contribute in the clear, and each kind of sum is an argument.
        clear_names: names of the tensors that clients contribute in the clear.

    Raises:
        RunError: if TFF cannot take the computation apart.
    """

    def __init__(self, computation: tff.framework.ConcreteComputation) -> None:
        try:
            self._round = as_round(computation)
            form = tff.backends.mapreduce.get_map_reduce_form_for_computation(
                self._round.computation, _optimisation()
            )
        except Exception as error:  # TFF's compiler raises what it likes
            raise RunError(
                f"TFF cannot take a computation of type {_brief(computation)} apart for its secure "
                "sums: it must take data placed at CLIENTS, and perhaps more placed there and at "
                "SERVER, return what is placed at SERVER, and broadcast nothing that depends on an "
                f"aggregate; {error}"
            ) from error
        self._form = form
        contribution = form.work.type_signature.result
        self._plain_type, *self._sum_types = contribution
        self.prepare = form.prepare
        self._broadcast_type = form.prepare.type_signature.result
        self.work = _at_clients(form.work)
        self.finish = _finishing(form, self._plain_type, self._sum_types)
        self.clear_names = tuple(leaf_names(self._plain_type))

    def slots(self, run: Callable[[tff.framework.ConcreteComputation], Any]) -> tuple[Slot, ...]:
        """Returns the secure sums in the order of `contribution_leaves`.

        Args:
            run: runs a TFF computation that takes no argument.
        """
        form = self._form
        parameters = (
            form.secure_sum_bitwidth,
            form.secure_sum_max_input,
            form.secure_modular_sum_modulus,
        )
        slots = []
        for kind, sums, computation in zip(KINDS, self._sum_types, parameters, strict=True):
            numbers = leaves(run(computation), sums)
            for number, tensor in zip(numbers, tensor_types(sums), strict=True):
                bound = _bound(kind, int(number), np.dtype(tensor.dtype))
                slots.append(Slot(kind, bound, tuple(tensor.shape), tensor.dtype))
        return tuple(slots)

    def broadcast_digest(self, broadcast: Any) -> bytes:
        """Returns SHA-256 of what the server gives the clients, tensor by tensor: 32 bytes.

        Args:
            broadcast: what `prepare` returned.
        """
        digest = hashlib.sha256()
        kinds = tensor_types(self._broadcast_type)
        for value, kind in zip(leaves(broadcast, self._broadcast_type), kinds, strict=True):
            array = np.ascontiguousarray(value, kind.dtype)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.data if array.size else b"")
        return digest.digest()

    def contribution_leaves(self, contribution: Any) -> list[Any]:
        """Returns what one client contributes to the secure sums, a tensor for each slot."""
        return [
            leaf
            for value, kind in zip(contribution[1:], self._sum_types, strict=True)
            for leaf in leaves(value, kind)
        ]

    def plain_part(self, contribution: Any) -> Any:
        """Returns what one client contributes in the clear."""
        return contribution[0]

    def sums_value(self, sums: Sequence[Any]) -> tuple[Any, ...]:
        """Returns the arguments `sums` of `finish` from a tensor for each slot."""
        tensors = iter(sums)
        return tuple(from_leaves(tensors, kind) for kind in self._sum_types)

    def arguments(self, argument: Any) -> tuple[Any, Any]:
        """Returns state and clients' data from the computation's own argument."""
        return self._round.argument(argument)

    def result_value(self, result: Any) -> Any:
        """Returns the result in the Python containers of the computation's own type."""
        return self._round.result(result)


def _optimisation() -> tf.compat.v1.ConfigProto:
    """How TensorFlow optimises the graphs of the parts: as TFF has it, but not their memory.

    TFF optimises a part once when it is taken out, and once more when an executor runs it. Where a
    network is not a chain, as with skip connections, the memory optimiser of the second pass gives
    nodes the names ("Recomputed/...") that the first one gave already, and ends the process.
    """
    config = tf.compat.v1.ConfigProto()
    rewrites = config.graph_options.rewrite_options
    rewrites.memory_optimization = rewrites.NO_MEM_OPT
    return config


def _bound(kind: Kind, number: int, dtype: "np.dtype[Any]") -> int:
    """One more than the largest integer that a client can contribute; the modulus of a modular sum.

    A range that is wider than the integer type has no values beyond the type's.
    """
    if kind == "modular":
        return number
    return min(1 << number if kind == "bitwidth" else number + 1, int(np.iinfo(dtype).max) + 1)


def declares_secure_sums(computation: tff.framework.ConcreteComputation) -> bool:
    """Tells whether a computation contains one of TFF's secure sums."""
    found = False

    def look(block: tff.framework.ComputationBuildingBlock) -> Any:
        nonlocal found
        found = found or (isinstance(block, tff.framework.Intrinsic) and block.uri in _SECURE_SUMS)
        return block, False

    tff.framework.transform_preorder(computation.to_building_block(), look)
    return found


def _at_clients(work: tff.framework.ConcreteComputation) -> tff.framework.ConcreteComputation:
    data_type, broadcast_type = work.type_signature.parameter

    @tff.federated_computation(
        tff.FederatedType(data_type, tff.CLIENTS), tff.FederatedType(broadcast_type, tff.SERVER)
    )
    def work_at_clients(data, broadcast):  # type: ignore[no-untyped-def]
        return tff.federated_map(work, (data, tff.federated_broadcast(broadcast)))

    return work_at_clients


def _finishing(
    form: tff.backends.mapreduce.MapReduceForm, plain_type: tff.Type, sum_types: list[tff.Type]
) -> tff.framework.ConcreteComputation:
    state_type = form.update.type_signature.parameter[0]

    @tff.federated_computation(
        tff.FederatedType(state_type, tff.SERVER),
        tff.FederatedType(plain_type, tff.CLIENTS),
        *(tff.FederatedType(kind, tff.SERVER) for kind in sum_types),
    )
    def finish(state, plain, bitwidth, max_input, modular):  # type: ignore[no-untyped-def]
        total = tff.federated_aggregate(
            plain, form.zero(), form.accumulate, form.merge, form.report
        )
        received = (total, bitwidth, max_input, modular)
        return tff.federated_map(form.update, tff.federated_zip((state, received)))

    return finish


def _brief(computation: tff.framework.ConcreteComputation) -> str:
    text = computation.type_signature.compact_representation()
    return text if len(text) <= 200 else f"{text[:200]}..."
