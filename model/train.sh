#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The complete training: two hours on two cores, minutes on a GPU. Arguments are passed to train.py.
# Memory is kept instead of returned to the system after each step, which would take twice the time.
export OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=67108864
exec "${PYTHON:-python3}" "$(dirname "$0")/train.py" "$@"
