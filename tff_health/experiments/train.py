"""Experiment `train`: one scheme on one data set, from images to a report."""

import sys

from tff_health import interrupts
from tff_health.data import catalog
from tff_health.reporting.results_folder import START_ANEW, ResultsFolder
from tff_health.settings.config import Invocation
from tff_health.settings.images import load_images, share_out
from tff_health.studies.finished_run import read_finished_run
from tff_health.training.network_identity import check_finished


def run(invocation: Invocation) -> None:
    """Trains, and leaves in the results folder what README.md lists; prints a summary.

    Raises:
        TffHealthError: if settings, data, folder or worker do not allow it.
    """
    config = invocation.config
    with ResultsFolder(invocation.out_dir, config.as_dict()) as folder:
        if folder.is_finished:
            check_finished(config, folder.path)
            read_finished_run(folder.path, START_ANEW)
            print(folder.finished_text())
            folder.remove_scratch()
            return
        images = load_images(config, invocation.data_dir, invocation.cache_dir)
        if config.data.dataset not in catalog.DATA_SETS:
            print(f"images: {images.form}", file=sys.stderr)
        federated = share_out(config, images)
        # Imports TensorFlow, which takes seconds: only when folder and data are in order.
        with interrupts.no_cleanup():
            from tff_health.training import run

        text = run.train(
            *(config, federated, folder, invocation.workers, invocation.cache_dir),
            announce=lambda told: print(told, file=sys.stderr),
        )
        folder.remove_scratch()
        print(text)
