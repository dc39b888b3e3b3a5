#!/usr/bin/env bash
# Tests the scripts of the workflow "Spec drift" with pages, `cargo`, `curl` and `gh` of its own.
set -euo pipefail
unset GITHUB_OUTPUT GITHUB_STEP_SUMMARY
export GIT_CONFIG_GLOBAL=/dev/null
scripts=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf -- "$root"' EXIT
passed=0
ok() { passed=$((passed + 1)); }
fail() { echo "failed: $1" >&2; exit 1; }
# expect CLAIM COMMAND…, refuse CLAIM COMMAND…: the command succeeds, or fails.
expect() { local claim=$1; shift; if "$@" > "$root/log" 2>&1; then ok; else cat "$root/log" >&2; fail "$claim"; fi; }
refuse() { local claim=$1; shift; if "$@" > "$root/log" 2>&1; then cat "$root/log" >&2; fail "$claim"; else ok; fi; }

mkdir "$root/bin"
export PATH="$root/bin:$PATH" ROOT=$root
# The pages stand for the server: the URL is the name of a file, `gone` fails.
cat > "$root/bin/curl" <<'STUB'
#!/usr/bin/env bash
while [ $# -gt 0 ]; do case "$1" in --output) out=$2 ;; --url) url=$2 ;; esac; shift; done
case "$url" in
  *gone) printf part > "$out"; exit 22 ;;
  *large) head -c 16777217 /dev/zero > "$out" ;;
  *void) ;;
  *) printf '%s\n' "${url##*/}" > "$out" ;;
esac
STUB
# A page's first line is its level: none, additive, warning, garbage. What it is about is its file name.
cat > "$root/bin/cargo" <<'STUB'
#!/usr/bin/env bash
[ "$1" = xtask ] || exit 0
shift 2
task=$1; shift
format=human pages=()
while [ $# -gt 0 ]; do
  case "$1" in --format) format=$2; shift ;; --fail-on) shift ;; *) if [ -d "$1" ]; then pages+=("$1"/*.md); else pages+=("$1"); fi ;; esac
  shift
done
if [ "$task" = update ]; then
  case "$(cat "${pages[0]}")" in *breaks*) exit 1 ;; *surprise*) echo > surprise.txt ;; esac
  cp "${pages[0]}" spec/vendor/vendored.md; echo new > openapi.yaml; echo updated; exit
fi
grep -q new openapi.yaml && pages=()
code=0 changes=
for page in "${pages[@]}"; do
  case "$(head -1 "$page")" in
    none) ;;
    additive*) changes+="{\"level\":\"additive\",\"fingerprint\":\"${page##*/}\"}," ;;
    same) changes+='{"level":"additive","fingerprint":"vendored.md"},' ;;
    warning) changes+="{\"level\":\"warning\",\"fingerprint\":\"${page##*/}\"},"; [ $code = 2 ] || code=1 ;;
    clash) changes+='{"level":"warning","fingerprint":"clash"},' ;;
    panic) exit 101 ;;
    *) echo "${page##*/}:1: is \`no\` page" >&2; code=2 ;;
  esac
done
case "$changes" in *clash*clash*) echo 'two pages clash' >&2; code=2 ;; esac
[ $code != 2 ] || exit 2
if [ "$format" = json ]; then
  jq -n --argjson c "[${changes%,}]" \
    '{changes: $c, counts: {additive: ($c | map(select(.level == "additive")) | length), source: 0}}'
else
  printf 'report of %s\n' "${pages[*]##*/}"; [ -z "${LONG:-}" ] || head -c 70000 /dev/zero | tr '\0' x
fi
exit $code
STUB
cat > "$root/bin/gh" <<'STUB'
#!/usr/bin/env bash
printf '%s\n' "$*" >> "$ROOT/gh.log"
case "$1 $2" in "pr list" | "issue list") printf '%s' "${OPEN:-}" ;; esac
while [ $# -gt 0 ]; do [ "$1" != --body-file ] || cat "$2" > "$ROOT/body"; shift; done
STUB
chmod +x "$root"/bin/*

# A repository with one vendored page, and another that is not.
git init --quiet --bare "$root/origin"
git init --quiet --initial-branch main "$root/repo"
cd "$root/repo"
git config user.name test
git config user.email test@example.com
git remote add origin "$root/origin"
mkdir -p spec/vendor tests/golden
printf 'operation\tlanguage\tpage\tvariable\na\ten\tvendored.md\tVENDOR_PAGE_A_EN\nb\tzh\tb.zh.md\tVENDOR_PAGE_B_ZH\n' > spec/pages.tsv
touch spec/vendor/vendored.md spec/README.md openapi.yaml tests/golden/generated.txt
git add .
git commit --quiet --message first

fetch() { rm -rf "$root/pages"; VARIABLES=$1 "$scripts/fetch-pages.sh" "$root/pages"; }
bytes() { [ "$(stat --format=%s "$root/pages/$1")" = "$2" ]; }
refuse "no variable set: the run fails" fetch '{"OTHER":"https://x/none"}'
grep -q '::error::no variable' "$root/log" || fail "the error says why"
refuse "an empty variable is not set" fetch '{"VENDOR_PAGE_A_EN":""}'
expect "one variable set: one page" fetch '{"VENDOR_PAGE_A_EN":"https://x/none"}'
expect "a page without a URL leaves no file" test ! -e "$root/pages/b.zh.md"
expect "a failure is no failure of the run" fetch '{"VENDOR_PAGE_A_EN":"https://x/gone","VENDOR_PAGE_B_ZH":"https://x/void"}'
expect "a page that cannot be fetched is an empty file" bytes vendored.md 0
expect "an empty response is an empty file" bytes b.zh.md 0
expect "a page may be too large" fetch '{"VENDOR_PAGE_A_EN":"https://x/large"}'
expect "then it is an empty file" bytes vendored.md 0
expect "a URL is text, and no command" fetch "{\"VENDOR_PAGE_A_EN\":\"\$(touch $root/owned)\`touch $root/owned\`\"}"
expect "nothing of it ran" test ! -e "$root/owned"
for row in 'a en ../up.md VENDOR_PAGE_X' 'a en x.md PATH' 'a en vendored.md VENDOR_PAGE_A_EN' 'a en x.md'; do
  tr ' ' '\t' <<< "$row" >> spec/pages.tsv
  refuse "a row of another form: $row" fetch '{"VENDOR_PAGE_A_EN":"https://x/none"}'
  git checkout --quiet spec/pages.tsv
done

# compare VENDORED OTHER: pages with this first line; `-` is no file, `empty` an empty one.
compare() {
  rm -rf "$root/pages" "$root/result"; mkdir "$root/pages"; git reset --quiet --hard; git clean --quiet -fd; git switch --quiet main
  case "$1" in -) ;; empty) : > "$root/pages/vendored.md" ;; *) echo "$1" > "$root/pages/vendored.md" ;; esac
  case "$2" in -) ;; empty) : > "$root/pages/b.zh.md" ;; *) echo "$2" > "$root/pages/b.zh.md" ;; esac
  "$scripts/compare-pages.sh" "$root/pages" "$root/result"
}
outcome() { expect "$1 + $2 is compared" compare "$1" "$2"; [ "$(cat "$root/result/outcome")" = "$3" ] || fail "$1 + $2 is $3"; ok; }
says() { grep -q -- "$1" "$root/result/report.md" || { cat "$root/result/report.md"; fail "the report says $1"; }; ok; }
outcome none none none
outcome none - none; says "no URL is set: \`b.zh.md\`"
outcome additive none update; says 'report of vendored.md b.zh.md'
expect "the update has its files" diff -r "$root/result/tree/spec/vendor" spec/vendor
outcome additive same update
outcome additive additive issue; says 'not in spec/vendor'
outcome none additive issue
outcome - additive issue
outcome warning additive issue; says 'report of vendored.md b.zh.md'
outcome empty warning issue; says 'vendored.md.*cannot be fetched'; says 'report of b.zh.md'
outcome garbage none issue; says "vendored.md.*\`vendored.md:1: is no page\`"
outcome clash clash issue; says 'two pages clash'
outcome panic none issue; says 'exit code 101'
outcome 'additive breaks' none issue; says 'update failed'
outcome 'additive surprise' none issue; says 'surprise.txt'
expect "no tree is handed over then" test ! -e "$root/result/tree"
LONG=1 outcome warning none issue; says 'Cut here'
expect "the report fits into an issue" test "$(stat --format=%s "$root/result/report.md")" -lt 65000

verify() { "$scripts/verify-result.sh" "$root/result" "$1"; }
again() { compare additive none > "$root/log" 2>&1; git reset --quiet --hard; }
again; expect "an update is verified" verify update
refuse "an outcome that is another" verify issue
tamper() {
  again; "${@:2}"; refuse "$1" verify update
  grep -q '^refused' "$root/log" || fail "$1 is refused by name"
}
result=$root/result
tamper "an unknown file" touch "$result/tree/build.rs"
tamper "a workflow" install -D /dev/null "$result/tree/.github/workflows/x.yml"
tamper "a new page" touch "$result/tree/spec/vendor/other.md"
tamper "a page in another folder" install -D /dev/null "$result/tree/spec/vendor/x/vendored.md"
tamper "a link in place of a file" ln -sf /etc/passwd "$result/tree/openapi.yaml"
tamper "a link to a folder" ln -s /etc "$result/tree/etc"
tamper "a pipe" mkfifo "$result/pipe"
tamper "a file that is too large" truncate --size 16777217 "$result/tree/openapi.yaml"
tamper "a report that is too large" truncate --size 65001 "$result/report.md"
tamper "no report" rm "$result/report.md"
tamper "no outcome" rm "$result/outcome"
tamper "a name with a line break" touch "$result/report.md"$'\n'x

publish() {
  git switch --quiet main; git branch --quiet -D spec-drift 2> /dev/null || true; rm -f "$root/gh.log"
  RUN=https://run/1 APP=$2 "$scripts/publish.sh" "$1" "$root/result"
}
again; expect "an update opens a pull request" publish update ''
expect "it is created" grep -q '^pr create' "$root/gh.log"
expect "with the default token it says that CI needs a hand" grep -q 'close and reopen' "$root/body"
expect "its branch has the page, the document, and no more" diff <(git -C "$root/origin" diff --name-only spec-drift~ spec-drift) <(printf 'openapi.yaml\nspec/vendor/vendored.md\n')
again; OPEN=7 expect "an open one is edited" publish update app
expect "by its number" grep -q '^pr edit 7' "$root/gh.log"
refuse "an app's token starts CI" grep -q 'close and reopen' "$root/body"
compare warning none > "$root/log" 2>&1
expect "drift opens an issue" publish issue ''
expect "with the report and the run" grep -q 'https://run/1' "$root/body"
OPEN=8 expect "an open issue is edited" publish issue ''
expect "it is that one" grep -q '^issue edit 8' "$root/gh.log"
echo "$passed passed, 0 failed"
