# Shared by the scripts of this folder: counts checks and tests. Source it.
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a check that counts as one.
check() {
  local title=$1
  shift
  echo "== $title"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "== failed: $title"
  fi
}

# Adds the counts of a test run in $log, which ended with exit code $1, and which calls them $2 and $3.
count() {
  local code=$1 good bad
  # Colours would hide the counts.
  sed -i "s/$(printf '\033')\\[[0-9;]*m//g" "$log"
  good=$(sed -nE "s/^ *([0-9]+) $2.*/\1/p" "$log" | tail -n 1)
  bad=$(sed -nE "s/^.*\b([0-9]+) $3.*/\1/p" "$log" | tail -n 1)
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
  # A run that failed without failed tests (it crashed, or did not start) is a failure too.
  if [ "$code" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then failed=$((failed + 1)); fi
  if [ "$code" -eq 0 ] && [ "${good:-0}" -eq 0 ]; then failed=$((failed + 1)); fi
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
