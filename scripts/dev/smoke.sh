#!/usr/bin/env bash
# Installs a published package into an empty folder and uses it: bash scripts/dev/smoke.sh [kappaface@VERSION]
set -euo pipefail
wanted=${1:-kappaface@latest}
examples=$(cd "$(dirname "$0")/../../test/registry/project" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$examples"/* .
echo '{ "private": true }' >package.json

# The registry shows a version everywhere some time after it was published.
for attempt in 1 2 3 4 5 6; do
  npm install --no-audit --no-fund "$wanted" && break
  [ "$attempt" -lt 6 ] || exit 1
  sleep 20
done
npx kappa --version
npx kappa libtorch install
npx kappa doctor
node uses.cjs
node uses.mjs
node threads.mjs
npx kappa train tiny.mjs
