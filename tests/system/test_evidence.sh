#!/bin/sh
# An answer's evidence against a second opinion: the demo's question is asked through the API, of the analyst and of the model, and each
# figure of the answer is worked out again from the CSV files in a PostgreSQL of the test's own; then the text of the answer is held against
# the evidence by patterns that share nothing with us. 0 values may be wrong and 0 numbers without evidence.
# Read next: lib.sh, totals.sql, evidence.sql (the second opinion), evidence_compare.sql (what must hold).
# shellcheck disable=SC2034,SC2154 # what lib.sh reads and sets
set -eu
CALL_LIMIT=120 # seconds for one request: an answer takes its time
. "$(dirname "$0")/lib.sh"
QUESTION="Which campaigns should I spend more on, and how much did each earn?"

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

check() {
	sql "$here/evidence_compare.sql" >"$work/faults"
	grep . "$work/faults" >"$work/lines" || return 0
	head -n 40 "$work/lines" >&2
	for f in "$work"/answer.*; do
		sed 's/\\n/\n/g' "$f" | head -c 6000 >&2
	done
	die "an answer and the files differ"
}

# The comparison itself must notice: a digit of a value, a figure cited for another number, a number that nothing says.
must_notice() {
	rows "CREATE TABLE kept AS TABLE given" >/dev/null
	rows "$2" >/dev/null
	sql "$here/evidence_compare.sql" >"$work/faults"
	grep -q "$1" "$work/faults" || die "the comparison does not notice: $1"
	rows "TRUNCATE given; INSERT INTO given TABLE kept; DROP TABLE kept" >/dev/null
}

scratch_up
export PLAN=enterprise # the shop's size decides how fast Shopify lets us read
suite_up data/retail-uk.tar.gz
sql "$here/totals.sql" -v dir="$data" -v zone=Europe/London
sql "$here/evidence.sql"
sign_in "$(operator_key)" Evidence evidence@system.example
connect Evidence GBP Europe/London
sync_all

# Without a key the analyst answers; with one the model does.
EXTRA_ENV=PP_AI_KEY_FILE= timeout 120 sh "$suite" start "$run" ai-insights
ask analyst
timeout 120 sh "$suite" start "$run" ai-insights
ask model
[ "$(rows "SELECT string_agg(who || ' ' || (body ->> 'fallback_used'), ', ' ORDER BY who) FROM given")" = "analyst true, model false" ] ||
	die "answered otherwise: $(rows "SELECT who, body ->> 'model', body ->> 'fallback_reason' FROM given")"
check

must_notice "evidence differs from the files" "UPDATE given SET body = jsonb_set(body, '{evidence,0,value}', to_jsonb((((body #>> '{evidence,0,value}')::numeric) + 0.01)::text))"
must_notice "a cited number is not the figure" "UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb((body ->> 'answer') || ' It earned 5.00 GBP [e1].'))"
must_notice "a number without evidence" "UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb((body ->> 'answer') || ' It earned 5,000 GBP.'))"
must_notice "a number in words" "UPDATE given SET body = jsonb_set(body, '{answer}', to_jsonb((body ->> 'answer') || ' It doubled.'))"

figures=$(rows "SELECT sum(jsonb_array_length(body -> 'evidence')) FROM given")
numbers=$(rows "SELECT count(*) FROM given, regexp_matches(body ->> 'answer', '\\[e[0-9]+\\]', 'g')")
echo "# evidence of analyst and model: $figures figures worked out again from the files, $numbers numbers cited, 0 wrong, 0 without evidence"
