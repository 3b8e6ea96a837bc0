#!/usr/bin/env bash
# The example pipeline, small, on seeds 1 to HONE_TEST_SEEDS (2): the second by a configuration file.
# PPO must have raised the judge's score of held-out samples, and the report must show the run.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

passed=0 failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for seed in $(seq "${HONE_TEST_SEEDS:-2}"); do
  arguments=(--tiny --seed "$seed")
  if [ "$seed" = 2 ]; then
    printf 'tiny = true\nseed = 2\n' >"$folder/run.toml"
    arguments=(--config "$folder/run.toml")
  fi
  if bash examples/run.sh "${arguments[@]}" --out "$folder/$seed" &&
    python3 tests/programs/report.py rlhf "$folder/$seed/report.html" &&
    python3 - "$folder/$seed/summary.json" <<'CHECK'; then
import json, sys
s = json.load(open(sys.argv[1]))
print(f"seed {s['seed']}: pairs {s['reward_model_accuracy']:.3f}, score {s['score']['gain']:+.3f}, "
      f"valence {s['valence']['gain']:+.3f}, KL {s['kl']:.2f}")
sys.exit(0 if s["valence"]["gain"] > 0 and s["score"]["gain_low"] > 0 else 1)
CHECK
    passed=$((passed + 1))
  else
    echo "seed $seed FAILED"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
