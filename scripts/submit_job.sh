#!/usr/bin/env bash
# Run a verb of pareto-search on a Ray cluster that is up, and show what it says. Paths are those of the cluster.
# The token is found as Ray does: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token. A cluster without
# a token needs RAY_AUTH_MODE=disabled. Ctrl-C ends only the showing; `ray job stop` ends the job.
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
exec ray job submit --address "$address" -- pareto-search "$@"
