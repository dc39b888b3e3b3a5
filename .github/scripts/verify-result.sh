#!/usr/bin/env bash
# Verifies what the job without rights hands over: verify-result.sh RESULT OUTCOME
#
# Only files of known names, no larger than they can be; no link, nothing else. A page has to be in spec/vendor already.
set -euo pipefail
result=$1 outcome=$2

# Most bytes of a file.
limit() {
  case "$1" in
    outcome) echo 16 ;;
    report.md) echo 65000 ;;
    tree/openapi.yaml | tree/tests/golden/generated.txt) echo 16777216 ;;
    tree/spec/README.md) echo 1048576 ;;
    tree/spec/vendor/*.md) [ -f "${1#tree/}" ] && echo 16777216 ;;
    *) return 1 ;;
  esac
}

list=$(mktemp)
find "$result" -mindepth 1 ! -type d -printf '%y %s %P\0' > "$list"
while IFS= read -r -d '' line; do
  kind=${line%% *} rest=${line#* }
  size=${rest%% *} name=${rest#* }
  if [ "$kind" != f ] || ! most=$(limit "$name") || [ "$size" -gt "$most" ]; then
    printf 'refused: %q (%s, %s bytes)\n' "$name" "$kind" "$size"
    exit 1
  fi
done < "$list"
if [ "$(cat -- "$result/outcome")" != "$outcome" ] || [ ! -s "$result/report.md" ]; then
  echo "refused: no outcome '$outcome' with a report"
  exit 1
fi
