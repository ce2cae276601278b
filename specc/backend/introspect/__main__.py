"""Write the catalog anew: `python -m specc.backend.introspect [FOLDER]`."""

import sys
from pathlib import Path

from specc.backend.introspect import main

main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "catalog")
