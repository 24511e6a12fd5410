"""Settings for all tests."""

import os

# hippynn compiles its kernels at first use, which takes longer than all its calls in these tests.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
