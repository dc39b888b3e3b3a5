#!/usr/bin/env bash
# Compares the fetched pages with spec/vendor and decides: compare-pages.sh PAGES RESULT
#
# RESULT/outcome is `none`, `update` (only vendored pages changed, and they only add) or `issue`; RESULT/report.md says why.
# For an update RESULT/tree has the files of the pull request. The pages are not trusted, nor is what is built of them.
set -euo pipefail
pages=$1 result=$2
work=$(mktemp -d)
mkdir -p -- "$result"

# The output can quote a page: no line of it is a command to the runner.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
trap 'echo "::$token::"' EXIT

drift() { cargo xtask spec drift "$@" --fail-on warning; }
count() { jq '.counts.additive + .counts.source' "$1"; }
fingerprints() { jq --compact-output '[.changes[] | select(.level == "additive" or .level == "source").fingerprint] | unique' "$1"; }
# A line of a message as inline code.
quoted() { printf "\`%s\`" "$(grep -m 1 . "$1" | tr -d "\`\r" | head -c 300 | iconv -c -f utf-8 -t utf-8)"; }

cargo build --quiet --package xtask

readable=() vendored=() notes='' unset=''
while IFS=$'\t' read -r _ _ page _; do
  if [ -e "$pages/$page" ]; then
    readable+=("$pages/$page")
    [ ! -e "spec/vendor/$page" ] || vendored+=("$page")
  else
    unset+="${unset:+, }\`$page\`"
  fi
done < <(tail -n +2 spec/pages.tsv)

code=0
drift "$pages" --format json > "$work/all.json" 2> "$work/refusal" || code=$?
cat "$work/refusal" >&2
lead=''
case "$code" in
  0)
    if [ "$(count "$work/all.json")" = 0 ]; then outcome=none; else outcome=update; fi
    ;;
  1) outcome=issue ;;
  2)
    outcome=issue lead='A page cannot be read: it may be a password form, an error page, or gone.'
    # One such page must not hide what changed in the others.
    readable=()
    for page in "$pages"/*.md; do
      one=0
      drift "$page" --format json > "$work/one.json" 2> "$work/errors" || one=$?
      if [ "$one" -le 1 ]; then
        readable+=("$page")
      elif [ -s "$page" ]; then
        notes+="- \`${page##*/}\`: cannot be read: $(quoted "$work/errors")"$'\n'
      else
        notes+="- \`${page##*/}\`: cannot be fetched"$'\n'
      fi
    done
    # Each can be read by itself, but not all together.
    [ -n "$notes" ] || notes="- $(quoted "$work/refusal")"$'\n'
    ;;
  *) outcome=issue readable=() lead="The check itself failed with exit code $code. The log of the run says more." ;;
esac
# Before an update, which leaves nothing to report.
: > "$work/drift.md"
if [ "${#readable[@]}" -gt 0 ]; then
  drift "${readable[@]}" --format markdown > "$work/drift.md" 2> "$work/errors" || true
fi

if [ "$outcome" = update ]; then
  sources=("${vendored[@]/#/$pages/}")
  if [ "${#vendored[@]}" -gt 0 ]; then
    drift "${sources[@]}" --format json
  else
    echo '{"changes": []}'
  fi > "$work/vendored.json"
  # Another page may say the same; its changes have the same fingerprints.
  if [ "$(fingerprints "$work/all.json")" != "$(fingerprints "$work/vendored.json")" ]; then
    outcome=issue lead='A page that is not in spec/vendor has more than before, so no pull request can take it.'
  elif ! cargo xtask spec update "${sources[@]}" --format markdown > "$work/update.md"; then
    outcome=issue
    lead='The update failed: something does not build, or a test fails. The log of the run says more.'
  else
    files=("${vendored[@]/#/spec/vendor/}" spec/README.md openapi.yaml tests/golden/generated.txt)
    # A change that the pull request would lack.
    while IFS= read -r -d '' line; do
      if [[ " ${files[*]} " != *" ${line:3} "* ]]; then
        outcome=issue lead='The update changes a file that a pull request does not take.'
        notes+="- $(printf '%q' "${line:3}"): not taken"$'\n'
      fi
    done < <(git status --porcelain --untracked-files=all --no-renames -z)
    if [ "$outcome" = update ]; then
      mkdir -- "$result/tree"
      cp --parents -- "${files[@]}" "$result/tree"
    fi
  fi
fi

{
  [ -z "$lead" ] || printf '%s\n\n' "$lead"
  [ -z "$notes" ] || printf '%s\n' "$notes"
  [ -z "$unset" ] || printf 'Not checked, as no URL is set: %s.\n\n' "$unset"
  cat "$work/drift.md"
} > "$work/report.md"
# An issue holds 65536 characters.
head -c 60000 "$work/report.md" | iconv -c -f utf-8 -t utf-8 > "$result/report.md"
if [ "$(stat --format=%s "$work/report.md")" -gt 60000 ]; then
  printf '\n\nCut here: the summary of the run has the rest.\n' >> "$result/report.md"
fi
head -c 1000000 "$work/report.md" >> "${GITHUB_STEP_SUMMARY:-/dev/stdout}"
printf '%s\n' "$outcome" > "$result/outcome"
printf 'outcome=%s\n' "$outcome" >> "${GITHUB_OUTPUT:-/dev/stdout}"
