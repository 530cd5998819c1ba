"""Experiment `statistics`: what all clients' data are like, before anybody trains.

Each client adds up what it holds to one vector (`tff_health.statistics`); one secure sum by double
masking gives the server the total, with noise if it is to be differentially private. Nothing else
leaves a client.
"""

import math
import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tff_health import interrupts
from tff_health.data.federated import FederatedImages, federate
from tff_health.data.numeric_columns import NumericColumn
from tff_health.errors import ConfigError
from tff_health.experiments import statistics_report
from tff_health.privacy.mechanism import MAX_SHARE, NoisySteps
from tff_health.reporting.progress import Progress
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolPlan
from tff_health.settings.checks.statistics import PROTOCOL
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.images import load_images
from tff_health.statistics.contribution import contribution
from tff_health.statistics.estimates import estimate
from tff_health.statistics.layout import ONE, Layout
from tff_health.statistics.release import Noise, Release
from tff_health.training.cohorts import draw_cohort
from tff_health.training.config_json import config_json
from tff_health.training.mechanism import accountant_of, honest_shares


def run(invocation: Invocation) -> None:
    """Computes statistics, and leaves tables, figures and a report; prints a summary.

    Raises:
        TffHealthError: if settings, data, folder or worker do not allow it, or too few clients are
            left.
    """
    config = invocation.config
    with ResultsFolder(invocation.out_dir, config.as_dict()) as folder:
        if folder.is_finished:
            print(folder.finished_text())
            folder.remove_scratch()
            return
        federated = _federated(invocation)
        layout = _layout(config, federated)
        plan = BINDINGS[PROTOCOL].plan(config.protocol_settings(), config.cohort.num_clients)
        noise = _noise(config, layout, plan)
        folder.describe(config_json(config, data=federated.describe()))
        print(f"secure sum: {plan.bears}", file=sys.stderr)
        vectors = _contributions(config, federated, layout)
        release = _release(invocation, layout, vectors, noise, plan)
        print(statistics_report.write(folder, config, release))
        folder.remove_scratch()


def _federated(invocation: Invocation) -> FederatedImages:
    config = invocation.config
    images = load_images(config, invocation.data_dir, invocation.cache_dir)
    by_group = config.privacy.unit == "group"
    if by_group and images.groups is None:
        raise ConfigError(
            f"--dp_unit=group: {images.form} does not say which images belong together"
        )
    return federate(
        *(images, config.data.split, 0, config.partition_spec, config.run.seed),
        by_group=by_group,
        validation_fraction=0.0,
    )


def _layout(config: RunConfig, federated: FederatedImages) -> Layout:
    images, chosen = federated.images, config.statistics
    columns = tuple(map(NumericColumn.parse, chosen.numeric_columns))
    return Layout(images.class_names, images.image_shape[2], columns, chosen.histogram_bins)


def _noise(config: RunConfig, layout: Layout, plan: ProtocolPlan) -> Noise | None:
    """The noise that the settings ask for; None if they ask for none."""
    privacy = config.privacy
    if not privacy.epsilon and not privacy.noise_multiplier:
        return None
    accountant = accountant_of(config)
    multiplier = privacy.noise_multiplier
    if not multiplier:
        try:
            multiplier = accountant.noise_multiplier(privacy.epsilon, NoisySteps(0.0, 1.0, 1))
        except ValueError as error:
            raise ConfigError(f"--epsilon={privacy.epsilon}: {error}") from None
    shares = honest_shares(config, plan)
    deviation = multiplier * layout.sensitivity / ONE
    if deviation * ONE / math.sqrt(shares) > MAX_SHARE:
        raise ConfigError(
            f"--epsilon={privacy.epsilon}, --noise_multiplier={multiplier:.4g}: counts would have "
            f"noise of standard deviation {deviation:,.0f}, more than can be drawn: use less noise"
        )
    return Noise(multiplier, deviation, shares, accountant, privacy.unit)


def _contributions(
    config: RunConfig, federated: FederatedImages, layout: Layout
) -> dict[int, NDArray[np.int64]]:
    by_group = config.privacy.unit == "group"
    vectors, clients = {}, federated.clients
    with Progress("adding up images", "client", len(clients)) as progress:
        for number, client in enumerate(clients):
            rows = client.training.rows
            vectors[number] = contribution(federated.images, rows, layout, by_group)
            progress.update(number + 1)
    return vectors


def _release(
    invocation: Invocation,
    layout: Layout,
    vectors: Mapping[int, NDArray[np.int64]],
    noise: Noise | None,
    plan: ProtocolPlan,
) -> Release:
    # Imports TensorFlow, which takes seconds: only when folder and data are in order.
    with interrupts.no_cleanup():
        from tff_health.secure_aggregation.secure_sums import secure_sums
        from tff_health.statistics.secure_total import secure_total

    config = invocation.config
    protocol = BINDINGS[PROTOCOL].build(config.protocol_settings())
    with secure_sums(protocol, workers=invocation.workers) as context:
        cohort = draw_cohort(config, context.stages, 1, 1)
        context.plan_round(cohort.clients, cohort.dropouts)
        total = secure_total(
            [vectors[client] for client in cohort.clients],
            layout.sensitivity,
            *((noise.multiplier, noise.shares) if noise else (0.0, 1)),
        )
        record = context.last_round
    assert record is not None  # noqa: S101 - a round that failed has raised
    return Release(
        statistics=estimate(total, layout),
        cohort=cohort.clients,
        survivors=record.survivors,
        costs=record.costs,
        seconds=record.seconds_total,
        bears=plan.bears,
        noise=noise,
    )
