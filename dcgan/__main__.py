"""`python -m dcgan`: the command line."""

import os
import sys

from dcgan.cli import main

if __name__ == "__main__":
    status = main()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:  # torchrun started several processes, this one among them
        from dcgan.distributed import leave

        leave(status)
    sys.exit(status)
