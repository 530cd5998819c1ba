"""The simulation's own computations, run by the TensorFlow of this process.

TFF's workers have another build of TensorFlow, whose exp and tanh round otherwise in the last bit,
so that models differ. Here the graphs that a worker would be given are run by the same build as
sites have: whatever differs then, differs in the mathematics.
"""

import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.roles.study import plain_sums
from tff_health.data.client_data import client_keys
from tff_health.data.pack import pack_clients
from tff_health.learning.client_training import with_learning_rate
from tff_health.local.model_weights import ModelWeights
from tff_health.secure_aggregation.split import SplitComputation
from tff_health.training.scheme_training import build_process
from tff_health.training.task import build_task
from tff_health.workers.structures import from_leaves, leaves


class Simulation:
    """A scheme's rounds over plain sums.

    Attributes:
        slots: of a round.
        contributed: of the last round, what each client contributed, a tensor for each slot.
    """

    def __init__(self, config, federated, folder, worker, privacy=None):
        self._config = config
        pack_clients(federated, folder / "clients", lambda *_: None)
        self._task = build_task(config, federated, folder, privacy)
        self._process = build_process(config.run.scheme, self._task)
        training = self._process.training
        self._state = training.set_model_weights(training.initialize(), self._task.initial_weights)
        self._parts = SplitComputation(training.next)
        self._form, self._here = self._parts._form, Here()
        self.slots = self._parts.slots(lambda computation: worker.invoke(computation, None))

    @property
    def weights(self):
        """The model."""
        return ModelWeights(*self._state.global_model_weights)

    def round(self, number, clients):
        """Runs a round over these clients; returns its metrics."""
        if self._task.client_optimizer.decay_rounds:
            rate = self._task.client_optimizer.rate(number)
            self._state = with_learning_rate(self._state, rate)
        form, memory = self._form, self._process.memory
        remembered = [memory.last_round(client, number) for client in clients] if memory else []
        broadcast = self._here.call(form.prepare, self._state)
        contributions = [
            self._here.call(form.work, key, broadcast)
            for key in client_keys(clients, number, remembered)
        ]
        if memory is not None:
            memory.keep(clients, number)
        self.contributed = [self._parts.contribution_leaves(given) for given in contributions]
        sums = self._parts.sums_value(plain_sums(self.slots, self.contributed))
        received = (self._here.call(form.report, self._here.call(form.zero)), *sums)
        result = self._parts.result_value(self._here.call(form.update, self._state, received))
        self._state = result.state
        return result.metrics


class Here:
    """Runs computations of tensors alone, each in one session."""

    def __init__(self):
        self._known = {}

    def call(self, computation, *arguments):
        proto, session = self._session(computation)
        kind, fed = computation.type_signature, {}
        if arguments:
            argument = arguments[0] if len(arguments) == 1 else arguments
            names = tensor_names(proto.parameter)
            fed = dict(zip(names, leaves(argument, kind.parameter), strict=True))
        if proto.initialize_op:
            session.run(proto.initialize_op)
        flat = session.run(tensor_names(proto.result), fed)
        return from_leaves(iter(flat), kind.result)

    def _session(self, computation):
        if id(computation) not in self._known:
            proto = tff.framework.serialize_computation(computation).tensorflow
            graph_def = tf.compat.v1.GraphDef()
            proto.graph_def.Unpack(graph_def)
            with tf.Graph().as_default() as graph:
                tf.import_graph_def(graph_def, name="")
                session = tf.compat.v1.Session(graph=graph)
            self._known[id(computation)] = computation, proto, session
        return self._known[id(computation)][1:]


def tensor_names(binding):
    """Names of the tensors of a parameter or a result, in the order of its type."""
    if binding.WhichOneof("binding") == "struct":
        return [name for element in binding.struct.element for name in tensor_names(element)]
    return [binding.tensor.tensor_name] if binding.WhichOneof("binding") else []
