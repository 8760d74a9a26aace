#!/bin/sh
# The demo's main job, whole and twice, on a suite of the test's own: the report, the streamed answer with its evidence and cost, who
# asked what, and the alert whose signed webhook arrives. What the demo writes down holds no more than the login.
# shellcheck disable=SC2154 # what lib.sh sets
set -eu
. "$(dirname "$0")/lib.sh"
checks=0

# shows FILE PATTERN: a line of the demo's output is like that.
shows() {
	grep -Eq "$2" "$1" || { cat "$1" >&2; die "the demo does not show: $2"; }
	checks=$((checks + 1))
	echo "ok - $2"
}

suite_up data/nasty.tar.gz
sha256sum <data/nasty.tar.gz >"$run/dataset.sum"
(
	umask 077
	operator_key >"$run/operator.key"
)
demo() {
	timeout 240 "$OUT/bin/pp-demo" "$run" "$edge" "$simulator" >"$1" 2>&1 ||
		{ cat "$1" >&2; die "the demo failed"; }
	shows "$1" '^  orders +113$'
	shows "$1" '^  gross .*965,318\.954 KWD'
	shows "$1" '^  claude-[a-z0-9-]+ answers$'
	shows "$1" '^  e[0-9]+ .*(get_summary|get_attribution)'
	shows "$1" '^  numbers that could not be traced: 0$'
	shows "$1" '^  tokens +[0-9]+ input, .* [1-9][0-9]* output$'
	shows "$1" '^  cost +0\.[0-9]{9} USD$'
	shows "$1" '^  .*user [0-9a-f-]{36}$'
	shows "$1" '^  "Which campaigns should I spend more on'
	shows "$1" '^  webhook +arrived .*, signature good, notice '
	shows "$1" '^  delay +[0-9]+ ms '
}
demo "$work/first"
demo "$work/second"
shows "$work/second" 'of the last demo are used again'
[ "$(stat -c %a "$run/demo.json")" = 600 ] || die "demo.json is not of mode 0600"
# The names are all; secrets of channels, keys and tokens are not among them.
names=$(grep -o '"[a-z_]*":' "$run/demo.json" | tr -d '":' | sort | tr '\n' ' ')
[ "$names" = "base_url brand_id email nats_url password postgres_url simulator_url tenant_id " ] || die "demo.json holds: $names"
checks=$((checks + 2))
[ "$checks" -eq 25 ] || die "only $checks checks ran"
echo "$checks passed, 0 failed"
