"""``python -m neuroparallel`` is the command ``neuroparallel``."""

import sys

from neuroparallel.cli import main

sys.exit(main())
