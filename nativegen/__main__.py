"""``python -m nativegen``: the same as the ``nativegen`` program."""

import sys

from nativegen.cli.main import main

sys.exit(main())
