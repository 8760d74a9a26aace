#!/bin/sh
# An answer's evidence against a second opinion: the demo's question is asked through the API, of the analyst and of the model, and each
# figure of the answer is worked out again from the CSV files in a PostgreSQL of the test's own; then the text of the answer is held against
# the evidence by patterns that share nothing with us. 0 values may be wrong and 0 numbers without evidence.
# Read next: totals.sql, evidence.sql (the second opinion), evidence_compare.sql (what must hold).
set -eu
umask 022

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"
OUT=$(cd "${OUT:-build/gcc}" && pwd -P)
export OUT
here=$root/tests/system
suite=$root/deploy/local/suite.sh
stack=$root/deploy/local/stack.sh
work=$(mktemp -d "${PP_TEST_DIR:-${TMPDIR:-/tmp}}/evidence.XXXXXX")
chmod 755 "$work"
# A service refuses settings it does not know, and these are ours.
unset PP_TEST_DIR PP_TEST_PG PP_TEST_KEEP
SYNC_LIMIT=170 # seconds for all runs
CALL_LIMIT=120 # seconds for one request: an answer takes its time
PASSWORD=correct-Horse-battery-42!
QUESTION="Which campaigns should I spend more on, and how much did each earn?"

cleanup() {
	timeout 60 sh "$suite" down "$work/suite" >/dev/null 2>&1 || true
	timeout 60 sh "$stack" wipe "$work/suite" >/dev/null 2>&1 || true
	timeout 60 sh "$stack" wipe "$work/scratch" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE

die() {
	echo "test_evidence: $*" >&2
	exit 1
}

setting() {
	sed -n "s/^$2=//p" "$1"
}

# ---- the API ----

# api METHOD PATH [BODY]: prints the answer; any status but 2xx ends the test.
api() {
	curl -sS -m "$CALL_LIMIT" --fail-with-body -X "$1" -H "Authorization: Bearer $token" -H "Content-Type: application/json" -d "${3:-}" \
		"$edge$2" || die "$1 $2 failed"
}

# The value of a text member of a flat JSON object.
member() {
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

sign_in() {
	token=$(
		set -a
		. "$work/suite/pid/auth.env"
		timeout 30 "$OUT/bin/auth" --bootstrap 2>/dev/null | grep -o 'ppo_[A-Za-z0-9_-]*'
	)
	email=evidence@system.example
	tenant=$(api POST /api/admin/tenants "{\"name\":\"Evidence\",\"tier\":\"unlimited\",\"admin\":{\"email\":\"$email\",\"password\":\"$PASSWORD\"}}" | member tenant_id)
	token=$(api POST /api/auth/login "{\"email\":\"$email\",\"password\":\"$PASSWORD\",\"tenant_id\":\"$tenant\"}" | member access_token)
	[ -n "$token" ] || die "no token"
}

connect() {
	brand=$(api POST /api/brands '{"name":"Evidence","currency":"GBP","timezone":"Europe/London"}' | member brand_id)
	curl -sS -m 30 -f -X POST -d '{}' "$simulator/control/tokens" >"$work/tokens"
	api POST /api/integrations/shopify "{\"brand_id\":\"$brand\",\"shop_domain\":\"$shop\",\"code\":\"$(member shopify_code <"$work/tokens")\"}" >/dev/null
	for p in meta:access google:refresh tiktok:access; do
		name=${p%%:*}
		api POST "/api/integrations/$name" "{\"brand_id\":\"$brand\",\"${p#*:}_token\":\"$(member "${name}_${p#*:}_token" <"$work/tokens")\"}" >/dev/null
	done
}

sync_all() {
	until_s=$(($(date +%s) + SYNC_LIMIT))
	for p in shopify meta google tiktok; do
		api POST "/api/sync/$p" "{\"brand_id\":\"$brand\"}" | member run_id >"$work/run.$p"
	done
	for p in shopify meta google tiktok; do
		state=
		until [ "$state" = "done" ]; do
			[ "$(date +%s)" -le "$until_s" ] || die "the sync of $p is not done after $SYNC_LIMIT s"
			curl -sS -m 30 -f -H "Authorization: Bearer $token" "$edge/api/sync/$p/$(cat "$work/run.$p")" >"$work/run" || die "no run of $p"
			state=$(member state <"$work/run")
			[ "$state" != failed ] || die "the sync of $p failed: $(cat "$work/run")"
			[ "$state" = "done" ] || sleep 0.2
		done
	done
}

# ask WHO: the demo's question, the whole answer as one document.
ask() {
	# A service that was started anew is not ready at once; the edge says so with 503.
	until_s=$(($(date +%s) + 60))
	until status=$(curl -sS -m "$CALL_LIMIT" -o "$work/answer.$1" -w "%{http_code}" -X POST -H "Authorization: Bearer $token" \
		-H "Content-Type: application/json" -d "{\"question\":\"$QUESTION\"}" "$edge/api/brands/$brand/ask") && [ "$status" = 200 ]; do
		[ "$status" = 503 ] && [ "$(date +%s)" -le "$until_s" ] || die "the question failed: $status $(cat "$work/answer.$1")"
		sleep 0.5
	done
	{
		printf '\\set body `cat %s`\n' "$work/answer.$1"
		printf "INSERT INTO given VALUES ('%s', :'body');\n" "$1"
	} >"$work/given.sql"
	sql "$work/given.sql"
}

# ---- the second opinion ----

sql() {
	file=$1
	shift
	PGOPTIONS="-c timezone=UTC" timeout 120 psql -X -q -v ON_ERROR_STOP=1 "$@" -f "$file" || die "$file failed"
}

number() {
	PGOPTIONS="-c timezone=UTC" timeout 60 psql -X -A -t -c "$1"
}

check() {
	sql "$here/evidence_compare.sql" >"$work/faults"
	grep . "$work/faults" >"$work/lines" || return 0
	head -n 40 "$work/lines" >&2
	for f in "$work"/answer.*; do
		sed 's/\\n/\n/g' "$f" | head -c 6000 >&2
	done
	die "an answer and the files differ"
}

# The comparison itself must notice: a digit of a value, of the text, a number that nothing says.
must_notice() {
	number "CREATE TABLE kept AS TABLE given" >/dev/null
	number "$2" >/dev/null
	sql "$here/evidence_compare.sql" >"$work/faults"
	grep -q "$1" "$work/faults" || die "the comparison does not notice: $1"
	number "TRUNCATE given; INSERT INTO given TABLE kept; DROP TABLE kept" >/dev/null
}

sh "$stack" pg-up "$work/scratch"
PGHOST=$(setting "$work/scratch/pg.env" PGHOST)
PGPORT=$(setting "$work/scratch/pg.env" PGPORT)
PGUSER=postgres
PGDATABASE=postgres
export PGHOST PGPORT PGUSER PGDATABASE
export PLAN=enterprise # the shop's size decides how fast Shopify lets us read

timeout 180 sh "$suite" up "$work/suite" "$root/data/retail-uk.tar.gz"
data=$work/suite/dataset
edge=http://127.0.0.1:$(setting "$work/suite/edge.env" EDGE_PORT)
simulator=http://127.0.0.1:$(cat "$work/suite/simulator.port")
shop=$(tr -d '\n' <"$data/dataset.json" | sed 's/": "/":"/g' | member shop_domain)
sql "$here/totals.sql" -v dir="$data" -v zone=Europe/London
sql "$here/evidence.sql"
sign_in
connect
sync_all

# Without a key the analyst answers; with one the model does.
EXTRA_ENV=PP_AI_KEY_FILE= timeout 120 sh "$suite" start "$work/suite" ai-insights
ask analyst
timeout 120 sh "$suite" start "$work/suite" ai-insights
ask model
[ "$(number "SELECT string_agg(who || ' ' || (body ->> 'fallback_used'), ', ' ORDER BY who) FROM given")" = "analyst true, model false" ] ||
	die "answered otherwise: $(number "SELECT who, body ->> 'model', body ->> 'fallback_reason' FROM given")"
check

must_notice "evidence differs from the files" "UPDATE given SET body = jsonb_set(body, '{evidence,0,value}', to_jsonb((((body #>> '{evidence,0,value}')::numeric) + 0.01)::text))"
must_notice "a cited number is not the figure" "UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb(regexp_replace(body ->> 'answer', '[0-9]( GBP \\[e)', '_\\1')))
	WHERE who = 'none'; UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb((body ->> 'answer') || ' It earned 5.00 GBP [e1].'))"
must_notice "a number without evidence" "UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb((body ->> 'answer') || ' It earned 5,000 GBP.'))"
must_notice "a number in words" "UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb((body ->> 'answer') || ' It doubled.'))"

figures=$(number "SELECT sum(jsonb_array_length(body -> 'evidence')) FROM given")
numbers=$(number "SELECT count(*) FROM given, regexp_matches(body ->> 'answer', '\\[e[0-9]+\\]', 'g')")
echo "# evidence of analyst and model: $figures figures worked out again from the files, $numbers numbers cited, 0 wrong, 0 without evidence"
