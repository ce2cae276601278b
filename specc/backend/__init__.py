"""What needs TensorFlow and Keras: the only folder that imports them. Importing it loads TensorFlow, quietly."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module


def _load_quietly() -> None:
    """Load TensorFlow and let it look for devices without the lines that both write past Python to standard error.

    Whoever sets TF_CPP_MIN_LOG_LEVEL hears everything; and when loading fails, so does everybody.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import_module("tensorflow")
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import_module("tensorflow").config.list_physical_devices()
        except BaseException:
            noise.seek(0)
            os.write(stderr, noise.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


_load_quietly()
