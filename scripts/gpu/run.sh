#!/usr/bin/env bash
# The CUDA path on a machine with a GPU, nvcc, CMake, Ninja, a C++ compiler and a Python with PyTorch, and without a
# network: bash scripts/gpu/run.sh in the root of a checkout in which `npm run gpu:pack` has left .gpu.
# Parts, each with a time limit; what they say is in $OUT (.gpu/out by default) as they say it:
#   unpack   the bundle
#   build    builds kernels and addon against the LibTorch of that Python
#   kernels  checks and times of the kernels
#   parity   the GPU against the CPU through the library (test/gpu)
#   bench    npm run bench -- gpu
#   train    the base run
# Variables:
#   GPU_PARTS    which of them, in this order; default all
#   GPU_ARCH     target of the kernels, such as 90; default that of the GPU
#   GPU_TORCH    folder of PyTorch; default that of the Python
#   GPU_SECONDS  for everything together; default 480
#   GPU_DEVICE   cpu: the dry run on a machine without a GPU, with small sizes and ten times the time
#   KAPPA_PYTHON the Python; default python3
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
parts=" ${GPU_PARTS:-unpack build kernels parity bench train} "
device=${GPU_DEVICE:-cuda}
python=${KAPPA_PYTHON:-python3}
stretch=1
[ "$device" != cpu ] || stretch=10
deadline=$((${GPU_SECONDS:-480} * stretch))
out=$(mkdir -p "${OUT:-.gpu/out}" && cd "${OUT:-.gpu/out}" && pwd)
work=$root/build/gpu
compiled=$work/js
mkdir -p "$work"
failed=0

note() {
  echo "[$(printf '%4d' "$SECONDS") s] $*" | tee -a "$out/summary.txt"
}

# part NAME SECONDS COMMAND...: a part, if it is asked for and time is left.
part() {
  local name=$1 limit=$(($2 * stretch)) left=$((deadline - SECONDS))
  shift 2
  [[ $parts == *" $name "* ]] || return 0
  [ "$limit" -le "$left" ] || limit=$left
  if [ "$limit" -lt 1 ]; then
    note "$name: no time was left"
    failed=1
    return 0
  fi
  note "$name, at most $limit s ..."
  local start=$SECONDS code
  timeout --kill-after=5 "$limit" "$@" >"$out/$name.txt" 2>&1
  code=$?
  note "$name: $([ $code -eq 0 ] && echo done || echo "FAILED ($code$([ $code -ne 124 ] || echo ', out of time'))"), $((SECONDS - start)) s"
  tail -n 40 "$out/$name.txt"
  [ $code -eq 0 ] || failed=1
}

# Python has what some machines lack.
decompress() {
  if command -v xz >/dev/null; then xz --decompress --stdout "$1"; else
    "$python" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$1"
  fi
}

unpack() {
  local node=(.gpu/node-*.xz)
  decompress "${node[0]}" >"$work/node.partial" && chmod +x "$work/node.partial" && mv "$work/node.partial" "$work/node" &&
    decompress .gpu/files.tar.xz | tar -x || return 1
  [ ! -f .gpu/sharp.tar.xz ] || decompress .gpu/sharp.tar.xz | tar -x
}

build() {
  echo "Node $(node --version) of $(command -v node), PyTorch of $torch, sm_$arch"
  node scripts/gpu/build.js --torch "$torch" --arch "$arch"
}

kernels() {
  if [ "$device" = cpu ]; then
    # It says that there is no GPU; that it was built is what there is to see.
    "$root/build/cuda/gpu-check" || [ $? -eq 3 ]
  else "$root/build/cuda/gpu-check"; fi
}

parity() {
  node node_modules/mocha/bin/mocha.js --no-config --no-package --timeout 120000 \
    --require "$compiled/test/unhandled.js" "$compiled/test/gpu/*.test.js"
}

bench() {
  local sizes=(--device cuda --seconds "$bench_seconds")
  [ "$device" != cpu ] || sizes=(--device cpu --quick --seconds 600)
  node "$compiled/bench/main.js" gpu "${sizes[@]}" --json "$out/bench.json"
}

train() {
  local set=(--set "runtime.device=$device")
  [ "$device" != cpu ] || set+=(--set train.epochs=1 --set backbone.widthMultiplier=0.0625
    --set data.synthetic.identities=8 --set data.synthetic.maxImages=12 --set data.synthetic.pairs=20
    --set data.synthetic.verificationIdentities=6)
  if [ ! -d node_modules/sharp ]; then
    echo 'Nothing is verified: sharp is not in this bundle.'
    set+=(--set 'data.validation=[]')
  fi
  rm -rf "$work/runs"
  node bin/kappa.js train configs/base "${set[@]}" --set "output=$work/runs" && cp "$work/runs/base/result.json" "$out/"
}

: >"$out/summary.txt"
nvidia-smi --query-gpu=name,compute_cap,memory.total,driver_version --format=csv,noheader 2>/dev/null | tee -a "$out/summary.txt"
found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .)
arch=${GPU_ARCH:-${found:-90}}
torch=${GPU_TORCH:-$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')} || {
  note "$python has no PyTorch: name one that has in KAPPA_PYTHON, or its folder in GPU_TORCH"
  exit 1
}
[ "$device" = cpu ] || command -v nvidia-smi >/dev/null || note 'nvidia-smi is not here: is there a GPU?'

export PATH="$work:$PATH"
export KAPPA_PYTHON=$python KAPPA_CACHE=$work/cache TORCHINDUCTOR_CACHE_DIR=$work/inductor
# The version is named, for it need not be one of those that users get.
KAPPA_LIBTORCH_VERSION=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' \
  "$torch/include/torch/headeronly/version.h" | paste -sd .)
[[ $KAPPA_LIBTORCH_VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || unset KAPPA_LIBTORCH_VERSION
export KAPPA_LIBTORCH_VERSION
export arch compiled device out python root torch work
export -f bench build decompress kernels parity train unpack
if [ -f "$torch/lib/libtorch_cuda.so" ]; then export KAPPA_LIBTORCH_VARIANT=cuda; else export LIBTORCH=$torch; fi
[ "$device" != cpu ] || export KAPPA_PARITY_DEVICE=cpu

# PyTorch's networks take minutes to compile: they are, into its cache, while the addon is built.
if [ "$device" != cpu ] && [[ $parts == *' build '* && $parts == *' bench '* ]]; then
  for depth in 100 50; do
    for precision in bfloat16 float16; do
      echo "{\"kind\":\"network\",\"device\":\"cuda\",\"depth\":$depth,\"widthMultiplier\":1,\"batch\":128,\"precision\":\"$precision\",\"repeats\":1,\"peer\":\"pytorch-best\"}" |
        nice timeout 150 "$python" bench/gpu/peer.py >"$work/compile-$depth-$precision.txt" 2>&1 &
    done
  done
fi
part unpack 60 bash -c unpack
part build 200 bash -c build
if [ $failed -ne 0 ]; then
  note 'nothing was built: the other parts would show nothing'
  exit 1
fi
wait
part kernels 40 bash -c kernels
part parity 200 bash -c parity
# Cases of the benchmark are begun as long as the base run keeps its time.
bench_seconds=$((deadline - SECONDS - 15))
[[ $parts != *' train '* ]] || bench_seconds=$((bench_seconds - 45))
[ $bench_seconds -le 185 ] || bench_seconds=185
[ $bench_seconds -ge 1 ] || bench_seconds=1
export bench_seconds
part bench 200 bash -c bench
part train 120 bash -c train
note "$([ $failed -eq 0 ] && echo 'all parts done' || echo 'some parts FAILED'), $SECONDS s"
exit $failed
