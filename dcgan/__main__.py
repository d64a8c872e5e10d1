"""`python -m dcgan`: the command line."""

import sys

from dcgan.cli import main
from dcgan.torchrun import started_together

if __name__ == "__main__":
    status = main()
    if started_together():
        from dcgan.distributed import leave

        leave(status)
    sys.exit(status)
