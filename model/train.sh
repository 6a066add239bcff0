#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole recipe: an hour on two cores, minutes on a GPU. Arguments go to train.py.
# Memory is kept rather than handed back to the system after each step, which would make it two times slower.
export OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=67108864
exec "${PYTHON:-python3}" "$(dirname "$0")/train.py" "$@"
