"""The house the LMS visits: launch, pages, storage, jobs, command line."""

import os

# The matrices of one request are small; threads of OpenBLAS in several workers only wait for each
# other. Measured on two busy cores: a calibration takes a third of the time with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
