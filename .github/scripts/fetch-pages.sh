#!/usr/bin/env bash
# Fetches the vendor's pages: fetch-pages.sh FOLDER
#
# spec/pages.tsv names them. Each URL is a repository variable; VARIABLES holds all of them as JSON. A page without a URL
# leaves no file. A page that cannot be fetched becomes an empty file, which the check refuses.
set -euo pipefail
folder=$1
most=16777216 # bytes of a page
mkdir -p -- "$folder"

{
  IFS= read -r header
  [ "$header" = $'operation\tlanguage\tpage\tvariable' ] || { echo "::error::spec/pages.tsv has another header"; exit 1; }
  while IFS= read -r row; do
    [[ $row =~ ^[a-z0-9-]+$'\t'(en|zh)$'\t'([a-z0-9][a-z0-9.-]*\.md)$'\t'(VENDOR_PAGE_[A-Z0-9_]+)$ ]] ||
      { printf '::error::spec/pages.tsv has a row of another form: %q\n' "$row"; exit 1; }
    page=${BASH_REMATCH[2]} variable=${BASH_REMATCH[3]} file=$folder/${BASH_REMATCH[2]}
    [ ! -e "$file" ] || { echo "::error::spec/pages.tsv names $page twice"; exit 1; }
    url=$(jq --raw-output --arg name "$variable" '.[$name] // ""' <<< "$VARIABLES")
    if [ -z "$url" ]; then
      echo "$page: not checked, the variable $variable is not set"
      continue
    fi
    curl --fail --silent --show-error --location --globoff --proto '=https' --proto-redir '=https' --max-redirs 3 \
      --connect-timeout 20 --max-time 60 --max-filesize "$most" --retry 3 --retry-max-time 120 \
      --output "$file" --url "$url" || : > "$file"
    # Nothing received leaves no file; a length that the server does not announce is limited here.
    if [ ! -s "$file" ] || [ "$(stat --format=%s -- "$file")" -gt "$most" ]; then
      : > "$file"
      echo "$page: cannot be fetched"
    fi
  done
} < spec/pages.tsv

if [ -z "$(ls -A -- "$folder")" ]; then
  echo "::error::no variable of spec/pages.tsv is set, so no page is checked"
  exit 1
fi
