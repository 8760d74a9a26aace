#!/bin/sh
# The suite's figures against a second opinion: the CSV files, loaded into a PostgreSQL of the test's own and added up in SQL, against
# what the API answers after a sync, to the last digit: the whole and every day, both models. No code of ours adds up here.
# Read next: totals.sql (the second opinion), totals_compare.sql.
set -eu
umask 022

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"
OUT=$(cd "${OUT:-build/gcc}" && pwd -P)
export OUT
here=$root/tests/system
suite=$root/deploy/local/suite.sh
stack=$root/deploy/local/stack.sh
work=$(mktemp -d "${PP_TEST_DIR:-${TMPDIR:-/tmp}}/totals.XXXXXX")
chmod 755 "$work"
# A service refuses settings it does not know, and these are ours.
unset PP_TEST_DIR PP_TEST_PG PP_TEST_KEEP
SYNC_LIMIT=170 # seconds for all runs of a dataset
CALL_LIMIT=30  # seconds for one request
PASSWORD=correct-Horse-battery-42!

cleanup() {
	timeout 60 sh "$suite" down "$work/suite" >/dev/null 2>&1 || true
	timeout 60 sh "$stack" wipe "$work/suite" >/dev/null 2>&1 || true
	timeout 60 sh "$stack" wipe "$work/scratch" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE

die() {
	echo "test_totals: $*" >&2
	exit 1
}

setting() {
	sed -n "s/^$2=//p" "$1"
}

# ---- the API ----

# api METHOD PATH [BODY]: prints the answer; any status but 2xx ends the test.
api() {
	# shellcheck disable=SC2086 # the body is one word or none
	curl -sS -m "$CALL_LIMIT" --fail-with-body -X "$1" -H "Authorization: Bearer $token" ${3:+-H "Content-Type: application/json" -d "$3"} \
		"$edge$2" || die "$1 $2 failed"
}

# The value of a text member of a flat JSON object.
member() {
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

sign_in() {
	token=$key
	email=totals-$1@system.example
	tenant=$(api POST /api/admin/tenants "{\"name\":\"Totals $1\",\"tier\":\"unlimited\",\"admin\":{\"email\":\"$email\",\"password\":\"$PASSWORD\"}}" | member tenant_id)
	token=$(api POST /api/auth/login "{\"email\":\"$email\",\"password\":\"$PASSWORD\",\"tenant_id\":\"$tenant\"}" | member access_token)
	[ -n "$token" ] || die "no token"
}

connect() {
	brand=$(api POST /api/brands "{\"name\":\"Totals\",\"currency\":\"$currency\",\"timezone\":\"$zone\"}" | member brand_id)
	curl -sS -m "$CALL_LIMIT" -f -X POST -d '{}' "$simulator/control/tokens" >"$work/tokens"
	api POST /api/integrations/shopify "{\"brand_id\":\"$brand\",\"shop_domain\":\"$shop\",\"code\":\"$(member shopify_code <"$work/tokens")\"}" >/dev/null
	api POST /api/integrations/meta "{\"brand_id\":\"$brand\",\"access_token\":\"$(member meta_access_token <"$work/tokens")\"}" >/dev/null
	api POST /api/integrations/google "{\"brand_id\":\"$brand\",\"refresh_token\":\"$(member google_refresh_token <"$work/tokens")\"}" >/dev/null
	api POST /api/integrations/tiktok "{\"brand_id\":\"$brand\",\"access_token\":\"$(member tiktok_access_token <"$work/tokens")\"}" >/dev/null
}

sync_all() {
	until_s=$(($(date +%s) + SYNC_LIMIT))
	for p in shopify meta google tiktok; do
		api POST "/api/sync/$p" "{\"brand_id\":\"$brand\"}" | member run_id >"$work/run.$p"
	done
	for p in shopify meta google tiktok; do
		state=
		until [ "$state" = "done" ]; do
			api GET "/api/sync/$p/$(cat "$work/run.$p")" >"$work/run"
			state=$(member state <"$work/run")
			[ "$state" != failed ] || die "the sync of $p failed: $(cat "$work/run")"
			[ "$(date +%s)" -le "$until_s" ] || die "the sync of $p is not done after $SYNC_LIMIT s: $(cat "$work/run")"
			[ "$state" = "done" ] || sleep 0.2
		done
	done
	# Visits that led to no order change no figure; they are there all the same.
	curl -sS -m "$CALL_LIMIT" -f "$simulator/control/visits" |
		curl -sS -m "$SYNC_LIMIT" -f -X POST -H "Authorization: Bearer $token" -H "Content-Type: application/x-ndjson" \
			--data-binary @- "$edge/api/brands/$brand/touchpoints:import" >/dev/null || die "the import failed"
}

# ---- the second opinion ----

# sql FILE [psql flags]: in the schema of the dataset.
sql() {
	file=$1
	shift
	PGOPTIONS="-c search_path=$set -c timezone=UTC" timeout 120 psql -X -q -v ON_ERROR_STOP=1 "$@" -f "$file" || die "$file failed"
}

load() {
	timeout 20 psql -X -q -c "CREATE SCHEMA $set"
	sql "$here/totals.sql" -v dir="$data" -v zone="$zone"
}

# One curl fetches everything: the whole, then each day with from = to.
ask_everything() {
	rm -rf "$work/answers"
	mkdir "$work/answers"
	{
		echo "header = \"Authorization: Bearer $token\""
		for day in all $(PGOPTIONS="-c search_path=$set" psql -X -A -t -c 'SELECT DISTINCT day FROM counted ORDER BY 1'); do
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
	PGOPTIONS="-c search_path=$set" psql -X -A -t -F ' ' -c "SELECT count(*), sum(gross), sum(refunds), sum(net),
		(SELECT trim_scale(sum(spend)) FROM spend), (SELECT count(*) FROM csv_lines) FROM counted"
}

try_dataset() {
	set=$1
	timeout 180 sh "$suite" up "$work/suite" "$root/data/$2.tar.gz"
	data=$work/suite/dataset
	shop=$(tr -d '\n' <"$data/dataset.json" | sed 's/": "/":"/g' | member shop_domain)
	currency=$(tr -d '\n' <"$data/dataset.json" | sed 's/": "/":"/g' | member currency)
	zone=$(tr -d '\n' <"$data/dataset.json" | sed 's/": "/":"/g' | member iana_timezone)
	edge=http://127.0.0.1:$(setting "$work/suite/edge.env" EDGE_PORT)
	simulator=http://127.0.0.1:$(cat "$work/suite/simulator.port")
	[ -n "${key:-}" ] || key=$(
		set -a
		. "$work/suite/pid/auth.env"
		timeout 30 "$OUT/bin/auth" --bootstrap 2>/dev/null | grep -o 'ppo_[A-Za-z0-9_-]*'
	)
	load
	sign_in "$set"
	connect
	sync_all
	ask_everything
	sql "$here/totals_compare.sql" >"$work/differences"
	must_be_empty "the API and the files of $2 differ" "$work/differences"
	echo "# totals of $2: $(describe | cut -d' ' -f1-5); $(wc -l <"$work/answers.sql" | awk '{print $1 / 2}') answers agree to the last digit"
}

sh "$stack" pg-up "$work/scratch"
PGHOST=$(setting "$work/scratch/pg.env" PGHOST)
PGPORT=$(setting "$work/scratch/pg.env" PGPORT)
PGUSER=postgres
PGDATABASE=postgres
export PGHOST PGPORT PGUSER PGDATABASE
export PLAN=enterprise # the shop's size decides how fast Shopify lets us read

try_dataset nasty nasty
sql "$here/totals_expected.sql" -v expected="$(cat "$work/suite/dataset/expected.json")" >"$work/differences"
must_be_empty "expected.json and the files of nasty differ" "$work/differences"
try_dataset retail retail-uk
got=$(describe)
[ "$got" = "7212 4107854.72 240897.35 3866957.37 175192.9957 204208" ] || die "retail-uk is described otherwise: $got"
