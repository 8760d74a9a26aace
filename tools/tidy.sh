#!/bin/sh
# tidy.sh [FILE.c...]: clang-tidy (.clang-tidy) and cppcheck over our sources; without files over all of them but the tests. Findings are printed, the exit code tells.
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

# A service or tool sees the libraries and its own folder, as in the Makefile. Each file's findings go to a file of their own.
cat >"$work/one" <<'ONE'
case $2 in
services/*) own=-Iservices/$(echo "$2" | cut -d/ -f2) ;;
tools/*) own=-Itools/$(echo "$2" | cut -d/ -f2) ;;
*) own=-Ilibs ;;
esac
out=$1/$(echo "$2" | tr / _)
clang-tidy --quiet "$2" -- -std=gnu17 -D_GNU_SOURCE -Ilibs -Ibuild/gen "$own" >"$out" 2>"$out.err" && rm -f "$out" "$out.err"
exit 0
ONE
mkdir "$work/found"
printf '%s\n' "$@" | xargs -P "$(nproc)" -I FILE sh "$work/one" "$work/found" FILE
faults=$(find "$work/found" -type f ! -name '*.err' | wc -l)
find "$work/found" -type f ! -name '*.err' -exec cat {} +

cppcheck --quiet --std=c11 --language=c -D_GNU_SOURCE --inline-suppr --enable=warning,performance,portability \
	--suppress=missingIncludeSystem --suppress=preprocessorErrorDirective --suppress=unknownMacro --suppress=nullPointerArithmetic \
	-Ilibs --error-exitcode=1 -j "$(nproc)" "$@" 2>"$work/cppcheck" || faults=$((faults + 1))
cat "$work/cppcheck"

if [ "$faults" -eq 0 ]; then
	echo "tidy: $# files, nothing found"
else
	echo "tidy: findings in $faults of $# files"
	exit 1
fi
