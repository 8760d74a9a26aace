# shellcheck shell=sh
# What the contract tests share: the repository's root, a folder that goes away, the generator, results.
# Sourced by test_*.sh. Needs the built plugin (make gen).
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT" || exit 1
PLUGIN=build/tool/protoc-gen-pulsepoint
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
FAILED=0
PASSED=0

[ -x "$PLUGIN" ] || { echo "no $PLUGIN: run make gen" >&2; exit 1; }

ok() {
	PASSED=$((PASSED + 1))
	echo "ok - $1"
}
bad() {
	FAILED=$((FAILED + 1))
	echo "not ok - $1"
}
# finish EXPECTED: fails when fewer checks ran than the test holds, so that a loop over nothing cannot pass.
finish() {
	if [ $((PASSED + FAILED)) -lt "$1" ]; then
		bad "only $((PASSED + FAILED)) of at least $1 checks ran"
	fi
	echo "$PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ]
	exit
}
# generate OUT PROTO_PATH... -- FILES: runs the plugin; its messages go to OUT/.err
generate() {
	out=$1
	shift
	mkdir -p "$out"
	set -- "$@"
	protoc "$@" -I/usr/include --plugin=protoc-gen-pulsepoint="$PLUGIN" \
		--pulsepoint_out="$out" 2> "$out/.err"
}
