#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the figures that docs/benchmarks.md lacks, on a machine with a GPU, in less than 8 minutes.
#
#   test/bench/gpu/measure.sh [build/gpu.tar.xz] [FOLDER]
#
# The pack is made by pack.py on a machine where vdet is built. FOLDER (default: a new temporary folder) takes up to
# 40 GB and is removed at the end unless it was named. Python with numpy must be there; nvidia-smi gives the memory.
# Each step has a time limit, so that the last one also ends; what was cut off says so.
set -eu
pack=$(readlink -f "${1:-build/gpu.tar.xz}")
folder=${2:-}
if [ -z "$folder" ]; then
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
python3 -m tarfile -e "$pack" "$folder" # xz may be missing
gpu=$folder/gpu
export PATH="$gpu/bin:$PATH" VDET_RUNTIME_DIR="$gpu/runtime" VDET_DEMO_DIR="$gpu/model" XDG_DATA_HOME="$folder/data"
export PYTHONUNBUFFERED=1
tiny=${BENCH_TINY-}

# Drivers in containers are not always where the Vulkan loader looks.
if ! ls /etc/vulkan/icd.d/*.json /usr/share/vulkan/icd.d/*.json >/dev/null 2>&1; then
	for icd in /usr/local/*/share/vulkan/icd.d/*.json; do
		[ ! -e "$icd" ] || export VK_DRIVER_FILES="$icd"
	done
fi
# The engine has its own loader, which searches its own folder and the cache of libraries of this machine.
if ! ldconfig -p | grep -q 'libGLX_nvidia'; then
	for library in /usr/local/*/lib64/lib*nvidia*.so*; do
		[ ! -e "$library" ] || ln -sf "$library" "$gpu/runtime/usr/lib/x86_64-linux-gnu/"
	done
fi

# step SECONDS TITLE COMMAND…
step() {
	limit=$1 title=$2
	shift 2
	[ -z "$tiny" ] || limit=$((limit * 10))
	printf '\n== %s\n' "$title"
	began=$(date +%s)
	code=0
	timeout -k 5 "$limit" "$@" || code=$?
	case $code in
	0) ;;
	124 | 137) echo "not run: cut off after $limit s" ;;
	*) echo "not run: ended with $code" ;;
	esac
	printf '== %s s\n' "$(($(date +%s) - began))"
}

# analyze SECONDS SCENARIO SHAPE HOURS
analyze() {
	step "$1" "$2, shape $3, $4 h of video" python3 "$gpu/test/bench/gpu/run.py" "$folder" --vdet "$gpu/bin/vdet" \
		--segment 60 --scenario "$2" --shape "$3" --hours "$4"
}

step 20 'devices of the engine' "$gpu/runtime/llama-server" --list-devices
step 45 'right answers: the demo model on its recording' vdet demo --dir "$folder/demo"
if [ "$tiny" ]; then # only whether it all works, on a processor
	analyze 200 sparse tiny 0.2
	analyze 100 dense tiny 0.01
	exit
fi
analyze 200 sparse 32b 2
rm -f "$folder"/32b-*.gguf
analyze 130 dense 7b 0.5
step 60 'the same with transformers' python3 "$gpu/test/bench/gpu/compare.py" --shape 7b --chunks 6
