import os
from pathlib import Path

import pytest

from tff_health.data.folders import DATA_DIR_VARIABLE


@pytest.fixture
def real_data_dir():
    """The folder of the published files; tests that want them are skipped where there is none."""
    if not os.environ.get(DATA_DIR_VARIABLE):
        pytest.skip(f"{DATA_DIR_VARIABLE} does not say where the published files are")
    return Path(os.environ[DATA_DIR_VARIABLE])
