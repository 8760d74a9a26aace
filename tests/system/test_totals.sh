#!/bin/sh
# The suite's figures against a second opinion: the CSV files, loaded into a PostgreSQL of the test's own and added up in SQL, against
# what the API answers after a sync, to the last digit: the whole and every day, both models. No code of ours adds up here.
# Read next: lib.sh, totals.sql (the second opinion), totals_compare.sql.
# shellcheck disable=SC2034,SC2154 # what lib.sh reads and sets
set -eu
CALL_LIMIT=30 # seconds for one request
. "$(dirname "$0")/lib.sh"

# Visits that led to no order change no figure; they are there all the same.
import_visits() {
	curl -sS -m "$CALL_LIMIT" -f "$simulator/control/visits" |
		curl -sS -m "$SYNC_LIMIT" -f -X POST -H "Authorization: Bearer $token" -H "Content-Type: application/x-ndjson" \
			--data-binary @- "$edge/api/brands/$brand/touchpoints:import" >/dev/null || die "the import failed"
}

# load ZONE: in the schema of the dataset.
load() {
	rows "CREATE SCHEMA $schema" >/dev/null
	sql "$here/totals.sql" -v dir="$data" -v zone="$1"
}

# One curl fetches everything: the whole, then each day with from = to.
ask_everything() {
	rm -rf "$work/answers"
	mkdir "$work/answers"
	{
		echo "header = \"Authorization: Bearer $token\""
		for day in all $(rows 'SELECT DISTINCT day FROM counted ORDER BY 1'); do
			days="from=$day&to=$day"
			[ "$day" != all ] || days=
			b=$edge/api/brands/$brand
			printf 'url = "%s/summary?%s"\noutput = "%s/summary.-.%s"\n' "$b" "$days" "$work/answers" "$day"
			for model in last_touch linear; do
				printf 'url = "%s/attribution?by=campaign&model=%s&%s"\noutput = "%s/attribution.%s.%s"\n' "$b" "$model" "$days" \
					"$work/answers" "$model" "$day"
			done
		done
	} >"$work/curl"
	timeout 120 curl -sS -f -m "$CALL_LIMIT" -K "$work/curl" || die "a report could not be read"
	for f in "$work"/answers/*; do
		name=$(basename "$f")
		kind=${name%%.*}
		rest=${name#*.}
		day=${rest#*.}
		[ "$day" != all ] || day=
		printf '\\set body `cat %s`\n' "$f"
		printf "INSERT INTO answers VALUES ('%s', '%s', nullif('%s', '')::date, :'body');\n" "$kind" "${rest%%.*}" "$day"
	done >"$work/answers.sql"
	sql "$work/answers.sql"
}

must_be_empty() {
	[ ! -s "$2" ] || { head -n 40 "$2" >&2; die "$1"; }
}

# The figures of the dataset's description: orders that count, gross, refunds, net, spend of all platforms.
describe() {
	rows "SELECT count(*), sum(gross), sum(refunds), sum(net),
		(SELECT trim_scale(sum(spend)) FROM spend), (SELECT count(*) FROM csv_lines) FROM counted"
}

# try_dataset SCHEMA NAME
try_dataset() {
	schema=$1
	suite_up "data/$2.tar.gz"
	zone=$(described iana_timezone)
	key=${key:-$(operator_key)}
	load "$zone"
	sign_in "$key" "Totals $1" "totals-$1@system.example"
	connect Totals "$(described currency)" "$zone"
	sync_all
	import_visits
	ask_everything
	sql "$here/totals_compare.sql" >"$work/differences"
	must_be_empty "the API and the files of $2 differ" "$work/differences"
	echo "# totals of $2: $(describe | cut -d' ' -f1-5); $(wc -l <"$work/answers.sql" | awk '{print $1 / 2}') answers agree to the last digit"
}

scratch_up
export PLAN=enterprise # the shop's size decides how fast Shopify lets us read

try_dataset nasty nasty
sql "$here/totals_expected.sql" -v expected="$(cat "$data/expected.json")" >"$work/differences"
must_be_empty "expected.json and the files of nasty differ" "$work/differences"
try_dataset retail retail-uk
got=$(describe)
[ "$got" = "7212 4107854.72 240897.35 3866957.37 175192.9957 204208" ] || die "retail-uk is described otherwise: $got"
