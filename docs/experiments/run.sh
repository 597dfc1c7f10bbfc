#!/usr/bin/env bash
# Records the experiment of docs/experiments/evidence.md and draws its tables and figures.
#
#     docs/experiments/run.sh [KVREEL] [OUT]     (default: build/release/cli/kvreel, out/experiments)
#
# Some ten minutes on two cores. What is recorded already is not recorded again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kvreel=${1:-build/release/cli/kvreel}
out=${2:-out/experiments}
here=docs/experiments
mkdir -p "$out"
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

python3 "$here/prompts.py" tasks "$out/tasks.jsonl"
python3 "$here/prompts.py" evidence "$out/evidence.jsonl"

record() {  # NAME PROMPTS POLICY...
  local name=$1 prompts=$2 policies=()
  shift 2
  for policy in "$@"; do policies+=(--policy "$policy"); done
  "$kvreel" record --model assets/demo-model/model --prompts "$out/$prompts.jsonl" --max-new-tokens 32 --page-rows 8 \
    --no-spans --no-norms --share-prefill all --fidelity --quiet -o "$out/$name.h5" "${policies[@]}"
}

# 1. Self-set budgets beside fixed ones.
record policies tasks full \
  refreekv:keep-layers=none,threshold=0.1%,0.5%,1%,2%,5%,10% refreekv \
  {streaming-llm,h2o,snapkv,pyramidkv,tova,key-norm,key-diff,random,ada-kv,expected-attention,cake}:budget=20%,50%,80% \
  top-p:p=90%,95%,99%
# 2. The order of evidence.
record evidence evidence full refreekv:keep-layers=none,threshold=0.1%,0.5%,1%,2%,5% \
  {streaming-llm,h2o,snapkv}:budget=50%
# 3. Which layers must stay whole.
record layers tasks full refreekv:threshold=1%,5%,keep-layers=none,0,1,2,3,0-1,2-3

for name in policies evidence layers; do
  trace=$out/$name.h5
  "$kvreel" compare "$trace" >"$out/$name.txt"
  "$kvreel" export "$trace" --table scores --format csv -o "$out/$name-scores.csv" --force
  "$kvreel" export "$trace" --table budget_summary --format csv -o "$out/$name-budgets.csv" --force
  "$kvreel" export "$trace" --table fidelity_summary --format csv -o "$out/$name-fidelity.csv" --force
done
for table in scores budget_summary; do
  "$kvreel" export "$out/policies.h5" --table $table --by task --format csv -o "$out/policies-$table-by-task.csv" --force
  "$kvreel" export "$out/evidence.h5" --table $table --by evidence --format csv -o "$out/evidence-$table.csv" --force
done
# Not all 44 runs can be told apart in one picture.
shown=()
for run in refreekv:keep-layers=none,threshold={0.1%,0.5%,1%,2%,5%,10%} refreekv \
  {streaming-llm,h2o,snapkv,cake,random}:budget={20%,50%,80%}; do
  shown+=(--run "$run")
done
figure() {  # TRACE FIGURE FILE OPTION...
  "$kvreel" export "$out/$1.h5" --figure "$2" -o "$here/$3.svg" --force "${@:4}"
}
figure policies score-budget score-budget --size 160x120mm "${shown[@]}"
figure policies fidelity-budget fidelity-budget --size 160x120mm "${shown[@]}"
figure evidence threshold-score evidence --by evidence --size 160x90mm
figure layers lost-attention lost-attention --size acl-column \
  --run refreekv:threshold=5%,keep-layers=none --run refreekv:threshold=5%,keep-layers=0-1 --run refreekv:threshold=5%,keep-layers=3
