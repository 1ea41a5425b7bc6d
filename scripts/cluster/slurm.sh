#!/usr/bin/env bash
# A search on a Slurm cluster:   sbatch scripts/cluster/slurm.sh
#
# One Ray node on each Slurm node. The job stops the search two minutes before its time is up; put
# in the queue again, by Slurm or by you, it goes on where it ended.
#SBATCH --job-name=optcell-search
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=08:00:00
#SBATCH --signal=B:INT@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=optcell-search-%j.log
set -euo pipefail

# A folder that all nodes share, and a virtual environment with optcell-search in it.
run="${OPTCELL_RUN:-$SLURM_SUBMIT_DIR/runs/slurm}"
environment="${OPTCELL_ENVIRONMENT:-$SLURM_SUBMIT_DIR/.venv}"
port=6379

# Only who knows this job's token can use its cluster. It goes by the environment, not by an
# argument, which everybody on the node could read.
RAY_AUTH_MODE=token
RAY_AUTH_TOKEN="$(python3 -c 'import secrets; print(secrets.token_hex(32))')"
export RAY_AUTH_MODE RAY_AUTH_TOKEN

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head="${nodes[0]}"
address="$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')"

srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
  "$environment/bin/ray" start --head --node-ip-address="$address" --port="$port" \
  --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep 15
if [ "${#nodes[@]}" -gt 1 ]; then
  others="$(IFS=,; echo "${nodes[*]:1}")"
  srun --overlap --nodes="$((${#nodes[@]} - 1))" --ntasks="$((${#nodes[@]} - 1))" \
    --nodelist="$others" "$environment/bin/ray" start --address="$address:$port" \
    --num-cpus="$SLURM_CPUS_PER_TASK" --block &
  sleep 15
fi

if [ -e "$run/run.toml" ]; then
  # The address is another one than the last time.
  command=(resume "$run" --address "$address:$port")
else
  command=(run optimizer_cells --task digits --trials 200 --objectives "accuracy,parameters"
    --workers "$((${#nodes[@]} * SLURM_CPUS_PER_TASK))" --threads 1
    --address "$address:$port" --out "$run")
fi
"$environment/bin/optcell-search" "${command[@]}" &
search=$!
trap 'kill -INT "$search"' INT
code=0
wait "$search" || code=$?
# Interrupted, `wait` returns before the search has written what it knows.
if [ "$code" -gt 128 ]; then wait "$search" || code=$?; fi
if [ "$code" -eq 130 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
