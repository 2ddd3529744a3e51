"""``python -m cutlayer`` is ``cutlayer``."""

import sys

from cutlayer.experiments.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
