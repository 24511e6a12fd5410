#!/usr/bin/env bash
# Run a verb of pareto-search on a Ray cluster that is up, and show what it says. Paths are those of the cluster.
# The token is found as Ray does: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token. A cluster without
# a token needs RAY_AUTH_MODE=disabled. Ctrl-C ends only the showing; `ray job stop` ends the job. Exits with 0 if the job
# succeeded.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: scripts/submit_job.sh http://HEAD:8265 VERB [arguments of pareto-search VERB]" >&2
    exit 2
fi
PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
export RAY_AUTH_MODE="${RAY_AUTH_MODE:-token}"
address=$1
shift
case $1 in
    run | search | confirm) set -- "$@" --address auto ;; # join the cluster that the job runs on
esac
job="pareto-search-$(date +%Y%m%d-%H%M%S)-$$"
ray job submit --address "$address" --submission-id "$job" --no-wait -- pareto-search "$@"

# Ray can drop the log of a job that runs on, so the job's own status says when it has ended.
trap 'exit 130' INT
while true; do
    ray job logs --address "$address" --follow "$job" 2>/dev/null || true
    status=$(ray job status --address "$address" "$job")
    case $status in
        *"Job '$job' succeeded"*) exit 0 ;;
        *"Job '$job' failed"* | *"Job '$job' was stopped"*)
            echo "$status" >&2
            exit 1
            ;;
    esac
    echo "Ray dropped the log of the job, which runs on; here it is again from its start." >&2
done
