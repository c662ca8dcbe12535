"""``python -m nativegen``."""

import sys

from nativegen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
