#!/usr/bin/env bash
# The main job: SFT, reward model and PPO on SmolLM2-135M and human ratings of movie reviews.
#
#   examples/run.sh            sets everything up, then runs; arguments go to the program
#   examples/run.sh --tiny     a small model trained from scratch, in about a minute
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
examples/setup.sh rlhf
data=.deps/data
exec build/examples/bin/rlhf "$data/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" \
  "$data/vader/movieReviewSnippets_GroundTruth.txt" "$data/vader/vader_lexicon.txt" "$@"
