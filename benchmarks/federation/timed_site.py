"""A site's own program, with moments in its log to the millisecond.

Usage: python -m benchmarks.federation.timed_site SITE.toml
"""

import logging
import sys

logging.basicConfig(level=logging.WARNING, format="%(created).3f %(message)s", stream=sys.stderr)

from tff_health.federation.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["site", *sys.argv[1:]]))
