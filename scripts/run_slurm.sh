#!/usr/bin/env bash
#SBATCH --job-name=pareto-search
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# Run a study on the nodes of a SLURM job: each starts Ray, and the first runs the study. Set the lines above, and
# --partition and --account where needed; without GPUs remove --gpus-per-node. Submit from the project's folder, which
# every node sees at the same path, as it does CONFIG and OUT. Submitted again after the time limit, it continues.
set -euo pipefail
if [ $# -lt 2 ] || [ -z "${SLURM_JOB_ID:-}" ]; then
    echo "usage: sbatch scripts/run_slurm.sh CONFIG OUT [options of pareto-search run]" >&2
    exit 2
fi
PATH="$PWD/.venv/bin:$PATH"
export RAY_USAGE_STATS_ENABLED=0
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300 # s until all nodes are up: Python starts slowly on shared storage
# This job's own token: others on the network cannot use its Ray.
token=${RAY_AUTH_TOKEN:-$(python3 -c 'import secrets; print(secrets.token_hex(32))')}
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN="$token"
# The script runs on the first node, whose address the others join; HEAD_IP chooses another of its networks.
head_ip=${HEAD_IP:-$(hostname -I | cut -d ' ' -f 1)}
exec srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    ray symmetric-run --address "$head_ip:6379" --min-nodes "$SLURM_JOB_NUM_NODES" --num-cpus "$SLURM_CPUS_PER_TASK" \
    -- pareto-search run "$1" --out "$2" --address auto "${@:3}"
