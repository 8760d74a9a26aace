#!/bin/sh
# tidy.sh [FILE.c...]: clang-tidy (.clang-tidy) and cppcheck over our sources; without files over all of them but the tests. What tools/tidy.known lists was looked at; anything else is printed, and the exit code tells.
set -eu
cd "$(dirname "$0")/.."
for t in clang-tidy cppcheck; do
	command -v "$t" >/dev/null || { echo "tidy: $t is not installed (apt-get install clang-tidy cppcheck)" >&2; exit 2; }
done
[ -d build/gen ] || { echo "tidy: make gen comes first" >&2; exit 2; }
# shellcheck disable=SC2046 # no name of ours holds a blank
[ $# -gt 0 ] || set -- $(git ls-files 'libs/*.c' 'services/*.c' 'tools/*.c' | grep -v /test/)
work=$(mktemp -d "${TMPDIR:-/tmp}/pp-tidy.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
sed -n 's/^\([a-z][^ ]* [^ ]*\) .*/\1/p' tools/tidy.known >"$work/known"

# Passes on only the findings (file, check) that nobody has looked at; the analyzer's notes follow their finding.
cat >"$work/unknown.awk" <<'AWK'
BEGIN { while ((getline line <known) > 0) seen[line] = 1 }
/: (error|warning|performance|portability): .*\[[A-Za-z.,_-]*\]$/ {
	file = $0
	sub(/:.*/, "", file)
	sub("^" top "/", "", file)
	check = $0
	sub(/.*\[/, "", check)
	sub(/[],].*/, "", check)
	show = !((file " " check) in seen)
}
show
AWK

# A service or tool sees the libraries and its own folder, as in the Makefile. Each file's findings go to a file of their own.
cat >"$work/one" <<'ONE'
case $2 in
services/*) own=-Iservices/$(echo "$2" | cut -d/ -f2) ;;
tools/*) own=-Itools/$(echo "$2" | cut -d/ -f2) ;;
*) own=-Ilibs ;;
esac
# core/status.c defines what tidy.h wraps.
wrap="-include tools/tidy.h"
[ "$2" != libs/core/status.c ] || wrap=
out=$1/found/$(echo "$2" | tr / _)
clang-tidy --quiet "$2" -- -std=gnu17 -D_GNU_SOURCE -Ilibs -Ibuild/gen "$own" $wrap 2>/dev/null |
	awk -v known="$1/known" -v top="$PWD" -f "$1/unknown.awk" >"$out"
[ -s "$out" ] || rm -f "$out"
ONE
mkdir "$work/found"
printf '%s\n' "$@" | xargs -P "$(nproc)" -I FILE sh "$work/one" "$work" FILE

# nullPointerRedundantCheck misreads CHECK_MAGIC, which ends the process for NULL.
cppcheck --quiet --std=c11 --language=c -D_GNU_SOURCE --inline-suppr --enable=warning,performance,portability \
	--suppress=missingIncludeSystem --suppress=preprocessorErrorDirective --suppress=unknownMacro \
	--suppress=nullPointerArithmetic --suppress=nullPointerRedundantCheck \
	-Ilibs -j "$(nproc)" "$@" 2>&1 >/dev/null | awk -v known="$work/known" -v top="$PWD" -f "$work/unknown.awk" >"$work/found/cppcheck"
[ -s "$work/found/cppcheck" ] || rm -f "$work/found/cppcheck"

faults=$(find "$work/found" -type f | wc -l)
if [ "$faults" -eq 0 ]; then
	echo "tidy: $# files, nothing found beyond tools/tidy.known"
else
	find "$work/found" -type f -exec cat {} +
	echo "tidy: findings in $faults of $# files"
	exit 1
fi
