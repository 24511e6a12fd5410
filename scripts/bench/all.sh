#!/usr/bin/env bash
# Take every row of the table, with one thread and with two; write bench.json, bench.md, nve.json and scaling.html to OUT.
# Takes about two hours on two cores; rows that OUT has already are kept.
set -euo pipefail
usage="usage: scripts/bench/all.sh OUT DATA; OUT is a folder for the results, DATA one in the ANI-Al layout"
out=${1:?$usage}
data=$(cd "${2:?$usage}" && pwd)
mkdir -p "$out/rows"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")"
python=../../.venv/bin/python

row() { # row FILE SCRIPT ARGUMENTS...
    local file=$out/rows/$1.json
    shift
    compgen -G "${file%.json}*.json" > /dev/null || OMP_NUM_THREADS=$threads "$python" "$@" --threads "$threads" --json "$file"
}

for threads in 1 2; do
    for size in 24_10_2 32_20_2 128_40_4; do
        row "train_step_${size}_$threads" train_step.py "$size"
    done
    row "epoch_$threads" epoch.py "$data"
    for size in 24_10_2 128_40_4; do
        row "md_2048_${size}_$threads" md.py "$size" 2048
        row "md_16384_${size}_$threads" md.py "$size" 16384 --steps 3
    done
    row "start_$threads" start.py
done
threads=1
for size in 24_10_2 128_40_4; do
    row "capacity_$size" capacity.py "$size"
done
row groups groups.py "$data"
[ -f "$out/nve.json" ] || "$python" nve.py --json "$out/nve.json"
[ -f "$out/scaling.html" ] || "$python" scaling.py "$out/scaling.html"
"$python" collect.py "$out"
