"""A study of sites that are apart, in one process that cannot import TFF; run as a program.

Usage: python -m tests.tff_health.roles.without_tff FOLDER ROUNDS FLAG ... (of run_experiments.py)
Prints JSON; leaves the model as model.bin, and what each site contributed to each round.
"""

import importlib.abc
import json
import sys
from pathlib import Path


class NoTff(importlib.abc.MetaPathFinder):
    """Refuses to find TFF."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow_federated":
            raise ImportError("TFF is not to be imported here")


def main(folder, rounds, *flags):
    """Run the study, and tell what came of it."""
    sys.meta_path.insert(0, NoTff())
    from tests.tff_health.roles.study import Study, config_of, federated_of

    config = config_of(*flags)
    study = Study(config, federated_of(config), Path(folder))
    rows = [study.round(number) for number in range(1, int(rounds) + 1)]
    evaluation = study.server.evaluate()
    (Path(folder) / "model.bin").write_bytes(study.server.weights.to_bytes())
    validation = study.validation() if study.validates else {}
    told = {
        "rows": rows,
        "validation": validation,
        "accuracy": evaluation.accuracy,
        "loss": evaluation.loss,
    }
    told["tff"] = any(name.startswith("tensorflow_federated") for name in sys.modules)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
