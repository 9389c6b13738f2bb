"""`python -m xai` is the command `xai`."""

from __future__ import annotations

import os
import sys

# `python -m` puts the current folder first on the path, where a user's own models.py or torch.py would shadow ours; the
# console script does not.
if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.realpath(os.getcwd()) and not sys.flags.safe_path:
    del sys.path[0]

from xai.cli.main import run

run()
