#!/bin/sh
# run.sh OUT KIND FILE...: runs tests and prints closing totals. KIND: unit, component, system, contract, fuzz or all. cmocka programs report each test; a shell test is one test, a fuzz target one
# short run. One PostgreSQL serves all programs of a run (each makes databases of its own).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
OUT=$1
kind=$2
shift 2
LIMIT=${TEST_LIMIT:-600}    # seconds for one program
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
OUT=$(cd "$OUT" && pwd -P)
export OUT
work=$(mktemp -d "${TMPDIR:-/tmp}/pp-test.XXXXXX")
chmod 755 "$work"

cleanup() {
	sh deploy/local/stack.sh wipe "$work/pg" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

needs_pg=no
for t in "$@"; do
	case $t in
	*/test_*.sh) ;;
	*/test/test_*) needs_pg=yes ;;
	esac
done
if [ "$needs_pg" = yes ]; then
	sh deploy/local/stack.sh pg-up "$work/pg"
	PP_TEST_PG="host=$(sed -n 's/^PGHOST=//p' "$work/pg/pg.env") port=$(sed -n 's/^PGPORT=//p' "$work/pg/pg.env") user=postgres dbname=postgres"
	export PP_TEST_PG
fi
PP_TEST_DIR=$work
export PP_TEST_DIR
# Sanitizers speak up and stop; libraries without instrumentation are listed with a reason each.
export ASAN_OPTIONS="detect_stack_use_after_return=1:abort_on_error=1:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="suppressions=$root/tests/tsan.supp:history_size=4:second_deadlock_stack=1:${TSAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$root/tests/lsan.supp:print_suppressions=0:${LSAN_OPTIONS:-}"

programs=0 passed=0 failed=0 skipped=0
failures=

count() {
	# cmocka prints "[  PASSED  ] 3 test(s)." and so on.
	p=$(sed -n 's/.*\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' "$1" | tail -n 1)
	f=$(sed -n 's/.*\[  FAILED  \] \([0-9]*\) test(s), listed.*/\1/p' "$1" | tail -n 1)
	s=$(sed -n 's/.*\[  SKIPPED \] \([0-9]*\) test(s), listed.*/\1/p' "$1" | tail -n 1)
	passed=$((passed + ${p:-0}))
	failed=$((failed + ${f:-0}))
	skipped=$((skipped + ${s:-0}))
}

# What a log ends with; then of a sanitizer's report its first 40 lines, which say what and where, and the input that a fuzz target met it with.
told() {
	report='^==[0-9]*== *\(ERROR\|WARNING\):\|runtime error:'
	grep -v '^\[       OK \]\|^\[ RUN      \]' "$1" | tail -n 60
	sed -n "/$report/,\$p" "$1" | head -n 40
	grep '^Base64:' "$1" || true
}

run_one() {
	name=$(basename "$1")
	case $1 in
	*.c | *.sh | */"$(basename "$OUT")"/test/*) ;;
	*/test/*) name="$name.$(basename "${1%/test/*}")" ;; # built another way
	esac
	log=$work/$name.log
	start=$(date +%s)
	programs=$((programs + 1))
	code=0
	case $1 in
	*.c)
		bin=$work/$name.bin
		# What a run finds of its own stays out of the tree: the seeds are only read.
		mkdir -p "$work/$name.found"
		tests/fuzz/build.sh "$1" "$bin" >"$log" 2>&1 &&
			(cd "$work" && timeout "$LIMIT" "$bin" -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=2048 -timeout=20 \
				-print_final_stats=1 "$work/$name.found" "$root/tests/fuzz/corpus/${name%.c}") >>"$log" 2>&1 || code=$?
		rm -f "$bin"
		;;
	*.sh) timeout "$LIMIT" sh "$1" >"$log" 2>&1 || code=$? ;;
	*) timeout "$LIMIT" "$1" >"$log" 2>&1 || code=$? ;;
	esac
	before=$failed
	case $1 in
	*.c | *.sh)
		if [ "$code" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
		;;
	*)
		count "$log"
		# A program that died counts as a failure even if it reported none.
		[ "$code" -eq 0 ] || [ "$failed" -gt "$before" ] || failed=$((failed + 1))
		;;
	esac
	if [ "$code" -ne 0 ] || [ "$failed" -gt "$before" ]; then
		failures="$failures $name"
		echo "FAIL $name (exit $code, $(($(date +%s) - start)) s)"
		told "$log" | sed 's/^/    /'
	else
		echo "ok   $name ($(($(date +%s) - start)) s)"
		# Figures that a test prints for people: cells of the matrix, pages fetched again.
		sed -n 's/^# /     /p' "$log"
	fi
}

mkdir -p tests/fuzz/corpus
for t in "$@"; do
	run_one "$t"
done

echo
echo "$kind: $programs programs, $passed passed, $failed failed, $skipped skipped"
if [ "$failed" -ne 0 ]; then
	echo "failed:$failures"
	exit 1
fi
[ "$passed" -gt 0 ] || { echo "nothing was tested"; exit 1; }
