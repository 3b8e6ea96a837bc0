#!/usr/bin/env bash
# hone beside LibTorch, transformers and TRL on this machine: sets up what is missing, builds, and
# prints every table of docs/performance.md. About an hour on two cores; keep the machine quiet.
#
#   benchmarks/run.sh                  all comparisons
#   benchmarks/run.sh loss training    those named: linear head loss advantage model training compile
#
# HONE_ROUNDS: interleaved rounds of each comparison (default 3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup_tests.sh
python=$PWD/.deps/venv/bin/python
rounds=${HONE_ROUNDS:-3}
build=build/benchmarks
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DHONE_BUILD_TESTS=OFF \
  -DHONE_BUILD_EXAMPLES=OFF >"$build/configure.log" 2>&1 || { cat "$build/configure.log"; exit 1; }
cmake --build "$build" -j "${HONE_JOBS:-$(nproc)}"
program() { echo "$build/benchmarks/benchmark_$1"; }

# A Llama of 42 M parameters with random weights.
model=.deps/llama42m
[ -f "$model/model.safetensors" ] || "$python" benchmarks/peers/make_llama42m.py "$model"

# TRL 1.12 is the last that has PPO: an environment over the tests' own, with that one package.
ppo=.deps/venv-ppo
if ! "$ppo/bin/python" -c 'import trl' 2>/dev/null; then
  "$python" -m venv --without-pip "$ppo"
  site=$("$ppo/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  "$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' >"$site/tests.pth"
  "$python" -m pip --disable-pip-version-check install --quiet --no-deps --target "$site" trl==1.12.0
fi

compare() {
  local peers=benchmarks/peers
  case $1 in
    linear) "$python" $peers/compare_kernels.py "$(program kernel_kernel_side)" linear "$rounds" ;;
    head) "$python" $peers/compare_kernels.py "$(program kernel_kernel_side)" head "$rounds" ;;
    loss) "$python" $peers/compare_loss.py "$(program loss_loss_side)" "$rounds" ;;
    advantage)
      "$python" $peers/compare_advantage.py "$(program advantage_estimate_benchmark)" "$rounds"
      ;;
    model)
      "$python" $peers/compare_model.py "$(program model_model_side)" "$model" --rounds "$rounds" \
        --kernel-side "$(program kernel_kernel_side)"
      ;;
    training)
      "$python" $peers/compare_training.py "$(program train_train_side)" "$model" \
        --rounds "$rounds" --ppo-python "$ppo/bin/python" \
        --kernel-side "$(program kernel_kernel_side)"
      ;;
    compile) python3 benchmarks/compile_time/measure.py --check ;;
    *) echo "no comparison is called $1" && return 2 ;;
  esac
}
[ $# -gt 0 ] || set -- linear head loss advantage model training compile
for what in "$@"; do
  echo "== $what"
  compare "$what"
done
