"""Privacy-preserving federated learning for healthcare, simulated in TensorFlow Federated.

The names below are the public face: `from tff_health import secure_sums`. Importing this package is
free: a name is loaded when it is first asked for, and TensorFlow and TFF with the names that need
them.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tff_health.aggregators.fixed_point_mean import FixedPointMean as FixedPointMean
    from tff_health.aggregators.fixed_point_mean import (
        WeightedFixedPointMean as WeightedFixedPointMean,
    )
    from tff_health.aggregators.fixed_point_mean import WeightEncoding as WeightEncoding
    from tff_health.errors import TffHealthError as TffHealthError
    from tff_health.privacy.accounting import Accountant as Accountant
    from tff_health.privacy.mechanism import NoisySteps as NoisySteps
    from tff_health.quiet import silence_libraries as silence_libraries
    from tff_health.schemes import SCHEMES as SCHEMES
    from tff_health.secure_aggregation.protocols import BoundProtocols as BoundProtocols
    from tff_health.secure_aggregation.round_record import RoundAbortedError as RoundAbortedError
    from tff_health.secure_aggregation.secure_sums import secure_sums as secure_sums

__version__ = "0.1.0"

_MODULES = {
    "Accountant": "tff_health.privacy.accounting",
    "BoundProtocols": "tff_health.secure_aggregation.protocols",
    "FixedPointMean": "tff_health.aggregators.fixed_point_mean",
    "NoisySteps": "tff_health.privacy.mechanism",
    "RoundAbortedError": "tff_health.secure_aggregation.round_record",
    "SCHEMES": "tff_health.schemes",
    "TffHealthError": "tff_health.errors",
    "WeightEncoding": "tff_health.aggregators.fixed_point_mean",
    "WeightedFixedPointMean": "tff_health.aggregators.fixed_point_mean",
    "secure_sums": "tff_health.secure_aggregation.secure_sums",
    "silence_libraries": "tff_health.quiet",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'tff_health' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
