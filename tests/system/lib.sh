# shellcheck shell=sh
# What the shell tests of the whole suite share: a folder and a suite that go away, the API, a brand that is connected and synced, and a
# PostgreSQL of the test's own for a second opinion. Sourced by test_*.sh, which sets CALL_LIMIT (seconds for one request) if it asks the API.
# shellcheck disable=SC2034 # what is set here is read there
set -eu
umask 022
test_name=$(basename "$0" .sh)
root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"
OUT=$(cd "${OUT:-build/gcc}" && pwd -P)
export OUT
here=$root/tests/system
suite=$root/deploy/local/suite.sh
stack=$root/deploy/local/stack.sh
work=$(mktemp -d "${PP_TEST_DIR:-${TMPDIR:-/tmp}}/${test_name#test_}.XXXXXX")
chmod 755 "$work"
run=$work/suite
# A service refuses settings it does not know, and these are ours.
unset PP_TEST_DIR PP_TEST_PG PP_TEST_KEEP
SYNC_LIMIT=170 # seconds for all runs of a dataset
PASSWORD=correct-Horse-battery-42!
schema=public # of the second opinion

cleanup() {
	timeout 60 sh "$suite" down "$run" >/dev/null 2>&1 || true
	timeout 60 sh "$stack" wipe "$run" >/dev/null 2>&1 || true
	timeout 60 sh "$stack" wipe "$work/scratch" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE
die() {
	echo "$test_name: $*" >&2
	exit 1
}
setting() {
	sed -n "s/^$2=//p" "$1"
}

# ---- the suite ----

# suite_up ARCHIVE: the suite with this dataset.
suite_up() {
	timeout 180 sh "$suite" up "$run" "$root/$1" || die "the suite does not start"
	data=$run/dataset
	edge=http://127.0.0.1:$(setting "$run/edge.env" EDGE_PORT)
	simulator=http://127.0.0.1:$(cat "$run/simulator.port")
}
# The first operator's key; a database gives it once.
operator_key() {
	(
		set -a
		. "$run/pid/auth.env"
		timeout 30 "$OUT/bin/auth" --bootstrap 2>/dev/null | grep -o 'ppo_[A-Za-z0-9_-]*' | head -n 1
	)
}
# A member of the dataset's description.
described() {
	tr -d '\n' <"$data/dataset.json" | sed 's/": "/":"/g' | member "$1"
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
# sign_in OPERATOR_KEY NAME EMAIL: as the admin of a new tenant.
sign_in() {
	token=$1
	tenant=$(api POST /api/admin/tenants "{\"name\":\"$2\",\"tier\":\"unlimited\",\"admin\":{\"email\":\"$3\",\"password\":\"$PASSWORD\"}}" | member tenant_id)
	token=$(api POST /api/auth/login "{\"email\":\"$3\",\"password\":\"$PASSWORD\",\"tenant_id\":\"$tenant\"}" | member access_token)
	[ -n "$token" ] || die "no token"
}
# connect NAME CURRENCY ZONE: a new brand, with the simulator's shop and ad accounts.
connect() {
	brand=$(api POST /api/brands "{\"name\":\"$1\",\"currency\":\"$2\",\"timezone\":\"$3\"}" | member brand_id)
	curl -sS -m "$CALL_LIMIT" -f -X POST -d '{}' "$simulator/control/tokens" >"$work/tokens"
	api POST /api/integrations/shopify "{\"brand_id\":\"$brand\",\"shop_domain\":\"$(described shop_domain)\",\"code\":\"$(member shopify_code <"$work/tokens")\"}" >/dev/null
	for p in meta:access google:refresh tiktok:access; do
		kind=${p#*:}
		p=${p%%:*}
		api POST "/api/integrations/$p" "{\"brand_id\":\"$brand\",\"${kind}_token\":\"$(member "${p}_${kind}_token" <"$work/tokens")\"}" >/dev/null
	done
}
# All four providers at once, to their ends.
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
}

# ---- the second opinion ----

# A PostgreSQL that nothing of ours has written to.
scratch_up() {
	sh "$stack" pg-up "$work/scratch"
	PGHOST=$(setting "$work/scratch/pg.env" PGHOST)
	PGPORT=$(setting "$work/scratch/pg.env" PGPORT)
	PGUSER=postgres
	PGDATABASE=postgres
	export PGHOST PGPORT PGUSER PGDATABASE
}
in_schema() {
	PGOPTIONS="-c search_path=$schema -c timezone=UTC" timeout 120 psql -X "$@"
}
# sql FILE [psql flags]
sql() {
	file=$1
	shift
	in_schema -q -v ON_ERROR_STOP=1 "$@" -f "$file" || die "$file failed"
}
# rows QUERY: members of a row are parted by a space.
rows() {
	in_schema -A -t -F ' ' -c "$1"
}
