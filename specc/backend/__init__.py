"""What needs TensorFlow and Keras: the only folder that imports them. Importing it loads TensorFlow, quietly."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module

GPU = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What there is on a machine with a GPU: of NVIDIA, under Windows, of AMD."""


def _load_quietly() -> None:
    """Load TensorFlow and let it look for devices without the lines that both write past Python to standard error.

    Whoever sets TF_CPP_MIN_LOG_LEVEL hears everything; and when loading fails, so does everybody.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import_module("tensorflow")
        return
    # What TensorFlow calls an error comes as an exception too, or is none, like what oneDNN does not do here; but
    # of a GPU only these lines may tell why it cannot be used.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2" if any(map(os.path.exists, GPU)) else "3"
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
