# Shared by the scripts of this folder: counts checks and tests. Source it.
passed=0
failed=0
log=$(mktemp)
times=()
since=$SECONDS
failures=$(mktemp)
trap 'rm -f "$log" "$failures"' EXIT

# Notes how long a part took, for the end.
took() {
  times+=("$(printf '%5d s  %s' $((SECONDS - since)) "$1")")
  since=$SECONDS
}

# Keeps what a failed part said, for the end: a long log is read from its end, and often no more of it is kept.
keep() {
  {
    echo "== failed: $1"
    tail -n 60 | cut -c 1-400
  } >>"$failures"
}

# Runs a check that counts as one.
check() {
  local title=$1
  shift
  echo "== $title"
  "$@" 2>&1 | tee "$log"
  local code=${PIPESTATUS[0]}
  took "$title"
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    keep "$title" <"$log"
  fi
}

# Adds the counts of a test run in $log, which ended with exit code $1, and which calls them $2 and $3; $4 names it.
count() {
  local code=$1 good bad before=$failed
  took "$4"
  # Colours would hide the counts.
  sed -i "s/$(printf '\033')\\[[0-9;]*m//g" "$log"
  good=$(sed -nE "s/^ *([0-9]+) $2.*/\1/p" "$log" | tail -n 1)
  bad=$(sed -nE "s/^.*\b([0-9]+) $3.*/\1/p" "$log" | tail -n 1)
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
  # A run that failed without failed tests (it crashed, or did not start) is a failure too.
  if [ "$code" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then failed=$((failed + 1)); fi
  if [ "$code" -eq 0 ] && [ "${good:-0}" -eq 0 ]; then failed=$((failed + 1)); fi
  [ "$failed" -eq "$before" ] && return
  # From the list of failed tests on where there is one, else the end.
  { sed -nE "/^ *[0-9]+ $3/,\$p" "$log" | head -n 60; grep -A 2 '^FAILED' "$log"; tail -n 5 "$log"; } | keep "$4"
}

finish() {
  printf '%s\n' "${times[@]}"
  cat "$failures"
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
