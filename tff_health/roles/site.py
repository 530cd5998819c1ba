"""What a site computes of a round: from the server's model to the numbers of a secure sum."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tff_health.data.client_data import client_keys
from tff_health.data.federated import FederatedImages
from tff_health.data.pack import pack_clients, packed_in_pieces
from tff_health.local.client_memory import ClientMemory, recall, write
from tff_health.local.encoding import fixed_point
from tff_health.local.graphs import TrainingGraph, ValidationGraph
from tff_health.local.quality import QualityRule
from tff_health.local.sparse_binary import compress_encoded, feed_back
from tff_health.privacy.mechanism import Mechanism, NoisySteps
from tff_health.roles.broadcast import Broadcast
from tff_health.roles.round_sums import RoundSums, Tensors
from tff_health.roles.scheme_parts import compresses, first_extras, of_scheme, query_of
from tff_health.settings.config import RunConfig
from tff_health.training.data_facts import DataFacts
from tff_health.training.mechanism import settle_for, units_of
from tff_health.training.task import task_for


class SiteTraining:
    """One site's part in training: run by a program at the site, which has TensorFlow and not TFF.

    Everything is a function of the settings, the site's images, its number, and the broadcast, so
    that a round done again gives the same numbers; but noise of `--dp_noise=distributed`, which the
    operating system seeds. Calls are made one after the other, from any thread.

    Args:
        config: the settings of the study, the same at all sites and at the server.
        facts: about all sites' data, the same for all.
        held: what this site holds, and nothing else: `FederatedImages.of_client` or
            `data.federated.hold`.
        client: its number, from 0 to below `config.cohort.num_clients`.
        folder: for this site alone; takes packed images, the key that noise is drawn with, and what
            the site keeps from round to round.
        privacy: how training is made private; by default what follows from settings and facts.
        progress: called with (done, in all) while images are packed.

    Attributes:
        sums: of a round: `sums.slots` are what `contribute` gives an array for, and
            `sums.validation_slots` what `validate` does. `secure_aggregation.sessions` makes
            vectors of them.
        mechanism: how training is made private; None if it is not.

    Raises:
        ConfigError: if settings are not for a scheme of secure sums, or the model cannot be built.
        DataError: if what is held does not agree with the facts.
        OSError: if the folder cannot be written to.
    """

    def __init__(
        self,
        config: RunConfig,
        facts: DataFacts,
        held: FederatedImages,
        client: int,
        folder: Path,
        *,
        privacy: Mechanism | None = None,
        progress: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self._scheme = of_scheme(config)
        facts.check(held)
        self.client = client
        self.mechanism = privacy or settle_for(config, facts.fewest_units)
        (self._units,) = units_of(held)
        pack_clients(held, folder / "clients", progress, first=client)
        task = task_for(config, facts, folder, self.mechanism, packed_in_pieces(held))
        self._task, self.sums = task, RoundSums.of(self._scheme, task)
        self._training = TrainingGraph(task)
        self._validation: ValidationGraph | None = None
        self._initial = task.initial_weights.arrays()
        self._extras = first_extras(self._scheme, task)
        self._memory: ClientMemory | None = None
        if compresses(self._scheme):
            size = sum(weight.size for weight in self._initial.trainable)
            self._memory = ClientMemory(task.memory_folder, size)

    def contribute(self, broadcast: Broadcast, round_number: int) -> Tensors:
        """Trains for a round, and returns what the site contributes to its sums.

        Args:
            broadcast: of the server.
            round_number: from 1; decides learning rate, order of examples, and noise.

        Returns:
            an integer array for each of `sums.slots`.

        Raises:
            DataError: if the broadcast is of another model or scheme.
        """
        broadcast.check_like(self._initial, self._extras)
        memory = self._memory
        remembered = [memory.last_round(self.client, round_number)] if memory else []
        (key,) = client_keys([self.client], round_number, remembered)
        optimizer = self._task.client_optimizer
        trained = self._training.train(
            broadcast.weights, key, optimizer.rate(round_number), optimizer.momentum
        )
        update: Any = [tf.constant(part) for part in trained.update]
        if memory is not None:
            update = self._compressed(update, memory.reading()(key))
        weight: Any = tf.constant(1)
        if self._scheme.weighs_by_quality:
            weight = QualityRule.of(self._task).quality(
                update, broadcast.extras, tf.constant(broadcast.updates)
            )
        return self.sums.contribute(self._clipped(update, broadcast), weight, trained.metrics)

    def keep(self, round_number: int) -> None:
        """Notes that a round has counted, with this site in its sum; can be called again.

        A scheme that compresses has a site keep what compression lost; it takes effect now, and is
        on disk when this returns. For other schemes nothing is done.

        Args:
            round_number: of the last `contribute`.

        Raises:
            FileNotFoundError: if the site did not contribute to that round.
        """
        if self._memory is not None:
            after = self._memory.last_round(self.client, round_number + 1)
            if after != round_number:
                self._memory.keep([self.client], round_number)

    def validate(self, broadcast: Broadcast) -> Tensors:
        """Measures the model on what the site has put aside for that.

        Args:
            broadcast: of the server.

        Returns:
            an integer array for each of `sums.validation_slots`.

        Raises:
            DataError: if the broadcast is of another model or scheme.
        """
        broadcast.check_like(self._initial, self._extras)
        self._validation = self._validation or ValidationGraph(self._task)
        (key,) = client_keys([self.client], 0)
        return self.sums.contribute_validation(self._validation.measure(broadcast.weights, key))

    def noisy_steps(self, rounds: int) -> NoisySteps | None:
        """Returns what the site has released after so many rounds; None without noise.

        Args:
            rounds: to which it contributed, whether or not it was in the sum.
        """
        return None if self.mechanism is None else self.mechanism.after(rounds, self._units)

    def _compressed(self, update: Any, memory: tf.data.Dataset) -> Any:
        kept, sums = recall(memory), self._task.sums
        encoding = fixed_point(sums.fraction_bits, sums.clip_range)
        sent, lost = feed_back(
            update,
            kept["vector"],
            lambda vector: compress_encoded(vector, self._task.sparsity, encoding),
        )
        write(kept["target"], lost)
        return sent

    def _clipped(self, update: Any, broadcast: Broadcast) -> Any:
        """With noise of the server: the update within the norm, and whether it was already."""
        query = query_of(self._task)
        if query is None:
            return update
        form = query.derive_sample_params(query.initial_global_state())
        params = tf.nest.pack_sequence_as(form, [tf.constant(e) for e in broadcast.extras])
        return tf.nest.flatten(query.preprocess_record(params, list(update)))
