#!/usr/bin/env bash
# The package as users get it: packs it with its prebuilt addon, installs both without scripts, compiler, CMake and Python,
# and uses them, also where something is missing. LibTorch comes from the cache. With --cuda: those for CUDA.
set -eu
cd "$(dirname "$0")/../.."
npm run --silent build
npm run --silent prebuilds -- "$@"
exec node -r ts-node/register/transpile-only scripts/dev/verify-package.ts "$@"
