#!/usr/bin/env bash
# Opens or updates the one pull request or issue about drift: publish.sh update|issue RESULT
#
# RESULT is verified. RUN is the address of the run; APP is empty where the default token is used, which starts no CI.
set -euo pipefail
outcome=$1 result=$2
body=$(mktemp)
cat -- "$result/report.md" > "$body"
printf '\n%s\n' "$RUN" >> "$body"

case "$outcome" in
  update)
    cp --recursive -- "$result/tree/." .
    git config core.hooksPath /dev/null
    git config user.name 'github-actions[bot]'
    git config user.email '41898282+github-actions[bot]@users.noreply.github.com'
    git switch --quiet --create spec-drift
    git add -- spec openapi.yaml tests/golden
    git commit --quiet --message 'Take the pages as the vendor publishes them now'
    git -c credential.helper= -c credential.helper='!gh auth git-credential' push --quiet --force origin spec-drift
    if [ -z "$APP" ]; then
      printf '\nNo app token is configured, so CI does not start by itself: close and reopen this pull request.\n' >> "$body"
    fi
    # A fork can have a branch of this name, too.
    number=$(gh pr list --head spec-drift --state open --json number,isCrossRepository \
      --jq 'map(select(.isCrossRepository | not))[0].number // empty')
    if [ -n "$number" ]; then
      gh pr edit "$number" --body-file "$body"
    else
      gh pr create --head spec-drift --title "The vendor's pages have more than before" --body-file "$body"
    fi
    ;;
  issue)
    gh label create spec-drift --force --description "The vendor's pages changed" --color D93F0B
    number=$(gh issue list --label spec-drift --state open --json number --jq '.[0].number // empty')
    if [ -n "$number" ]; then
      gh issue edit "$number" --body-file "$body"
    else
      gh issue create --label spec-drift --title "The vendor's pages changed" --body-file "$body"
    fi
    ;;
esac
