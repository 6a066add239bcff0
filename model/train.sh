#!/bin/sh
# The whole recipe: about an hour on two cores, minutes on a GPU. Arguments go to train.py.
# The settings make PyTorch's threads and memory behave on few cores: without them it is two to four times slower.
export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=67108864
exec "${PYTHON:-python3}" "$(dirname "$0")/train.py" "$@"
