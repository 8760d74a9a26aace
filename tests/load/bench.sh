#!/bin/sh
# bench.sh: the numbers of docs/internals/bench.md, each beside its goal and, where there is one, beside a yardstick measured in the same run.
#
#   make bench                    all parts, about five minutes
#   PARTS="a c" make bench        some of them
#
#   a  GET /api/brands with wrk, beside pgbench doing the same transaction
#   b  a typed call over the bus, beside bare cnats
#   c  business events through outbox, relay, stream and inbox to a committed effect
#   d  a sync of Shopify to projected credits
#   f  request telemetry from emit to committed row, beside COPY into an unprotected table
#   g  reserve and settle
#   h  from a cause to a delivered webhook
#   e  memory of the services after all that
#
# It starts a suite of its own (fsync on, streams on files, authentication, limits and counters on) and ends it. Times never fail it; a wrong answer, a lost row or a service that ended does.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
OUT=$(cd "$root" && cd "${OUT:-build/gcc}" && pwd -P)
export OUT
PARTS=${PARTS:-a b c d f g h e}
DATA=${DATA:-data/retail-uk.tar.gz}
SECONDS_EACH=${SECONDS_EACH:-6} # of one load
BRANDS=20
START_LIMIT=180
CALL_LIMIT=20  # seconds for one HTTP request
SYNC_LIMIT=240 # seconds for a sync
TELEMETRY_ROWS=${TELEMETRY_ROWS:-400000}
PGBIN=$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)
[ -x "$PGBIN/pgbench" ] || PGBIN=/usr/lib/postgresql/15/bin

work=$(mktemp -d "${TMPDIR:-/tmp}/pp-bench.XXXXXX")
chmod 755 "$work"
run=$work/run
table=$work/table
responder=

end_responder() {
	[ -n "$responder" ] || return 0
	kill -TERM "$responder" 2>/dev/null || true
	wait "$responder" 2>/dev/null || true
	responder=
}
cleanup() {
	end_responder
	timeout 120 sh "$root/deploy/local/suite.sh" down "$run" >/dev/null 2>&1 || true
	timeout 120 sh "$root/deploy/local/stack.sh" wipe "$run" >/dev/null 2>&1 || true
	[ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

die() {
	echo "bench: $*" >&2
	exit 1
}
setting() {
	sed -n "s/^$2=//p" "$run/$1"
}
# Arithmetic with fractions.
calc() {
	awk "BEGIN { printf \"%.${2:-0}f\", $1 }"
}
# One line of the table: what, figure, goal.
row() {
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$table"
	printf '  %-68s %16s   %s\n' "$1" "$2" "$3"
}
has_part() {
	case " $PARTS " in *" $1 "*) return 0 ;; esac
	return 1
}
# Becomes a program with the settings that the suite gave to a service. In a subshell only.
become() {
	service=$1
	shift
	set -a
	. "$run/pid/$service.env"
	set +a
	unset PP_HTTP_LISTEN PP_AI_URL PP_AI_KEY_FILE
	exec "$@"
}
as_service() {
	(become "$@")
}

# ---- the gateway ----

# api METHOD PATH TOKEN [BODY]: the answer's body; anything but success ends the bench.
api() {
	code=$(curl -sS -m "$CALL_LIMIT" -o "$work/answer" -w '%{http_code}' -X "$1" -H "Authorization: Bearer $3" \
		${4:+-H 'Content-Type: application/json' --data-binary "$4"} "$base$2") || die "$1 $2 was not answered"
	case $code in 2??) ;; *) die "$1 $2 answered $code: $(cat "$work/answer")" ;; esac
	cat "$work/answer"
}
# The string or number member of that name; the first one.
member() {
	sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1
}

prepare() {
	echo "starting PostgreSQL, nats-server, the services and the simulator"
	PLAN=enterprise timeout "$START_LIMIT" sh "$root/deploy/local/suite.sh" up "$run" "$root/$DATA" || die "the suite does not start"
	base=http://127.0.0.1:$(setting edge.env EDGE_PORT)
	sim=http://127.0.0.1:$(cat "$run/simulator.port")
	operator=$(as_service auth timeout 30 "$OUT/bin/auth" --bootstrap 2>"$work/bootstrap.log" | grep -o 'ppo_[A-Za-z0-9_-]*' | head -n 1)
	[ -n "$operator" ] || die "auth --bootstrap gave no key"
	password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	tenant=$(api POST /api/admin/tenants "$operator" \
		"{\"name\":\"Bench\",\"tier\":\"unlimited\",\"admin\":{\"email\":\"bench@bench.example\",\"password\":\"$password\"}}" | member tenant_id)
	token=$(api POST /api/auth/login "$operator" "{\"email\":\"bench@bench.example\",\"password\":\"$password\"}" | member access_token)
	[ -n "$tenant" ] && [ -n "$token" ] || die "no tenant or no token"
	i=0
	while [ "$i" -lt "$BRANDS" ]; do
		new_brand "Brand $i" >/dev/null
		i=$((i + 1))
	done
}
new_brand() {
	api POST /api/brands "$token" \
		"{\"name\":\"$1\",\"domain\":\"$(sed -n 's/.*"shop_domain": *"\([^"]*\)".*/\1/p' "$run/dataset/dataset.json")\",\"currency\":\"GBP\",\"timezone\":\"Europe/London\"}" | member brand_id
}

facts() {
	echo "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo), load $(cut -d' ' -f1 /proc/loadavg) before"
	echo "kernel $(uname -r), $("$PGBIN/postgres" --version), $(nats-server --version), $(wrk -v 2>&1 | sed -n '1s/ \[.*//p'), $(gcc --version | head -n 1)"
	echo "fsync on, streams on files, everything on this machine"
}

# ---- a: reads over HTTP ----

# As libs/db does it: scope and query in one pipeline, one implicit transaction, all prepared.
pgbench_script() {
	cat <<-'SQL'
		\startpipeline
		SELECT set_config('app.tenant_id', :tenant, true), set_config('app.brand_ids', '', true), set_config('statement_timeout', '10000', true);
		SELECT brand_id, name, domain, currency, timezone, version, created_at, updated_at FROM auth.brands WHERE (name, brand_id) > ('', :nil::uuid) ORDER BY name, brand_id LIMIT :page;
		\endpipeline
	SQL
}
run_wrk() {
	threads=2
	[ "$1" -gt 1 ] || threads=1
	timeout $(($2 + 30)) wrk -t"$threads" -c"$1" -d"$2s" -s "$here/wrk.lua" -H "Authorization: Bearer $token" "$base/api/brands" |
		sed -n 's/^RESULT //p'
}
run_pgbench() {
	threads=2
	[ "$1" -gt 1 ] || threads=1
	PGPASSWORD=$(cat "$run/db/auth_app") PGOPTIONS='-c search_path=auth' timeout $(($2 + 30)) "$PGBIN/pgbench" -n -M prepared -c "$1" -j "$threads" -T "$2" \
		-D tenant="$tenant" -D nil=00000000-0000-0000-0000-000000000000 -D page=51 -f "$work/read.sql" \
		-h "$(setting pg.env PGHOST)" -p "$(setting pg.env PGPORT)" -U auth_app pulsepoint 2>"$work/pgbench.log" >"$work/pgbench.out" ||
		die "pgbench failed: $(tail -n 3 "$work/pgbench.log")"
	sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/pgbench.out"
}
# CPU that the suite has used so far, in microseconds: gateway, auth, nats-server, PostgreSQL. Unlike a rate it hardly depends on what else the machine does.
cpu_used() {
	postmaster=$(head -n 1 "$(cat "$run/pgdata.path")/postmaster.pid")
	for p in "$(cat "$run/pid/api-edge")" "$(cat "$run/pid/auth")" "$(cat "$run/nats.pid")" "$postmaster" $(pgrep -P "$postmaster"); do
		sed 's/.*) //' "/proc/$p/stat" 2>/dev/null || true
	done | awk -v tick="$(getconf CLK_TCK)" 'NR == 1 { e = $12 + $13 } NR == 2 { a = $12 + $13 } NR == 3 { n = $12 + $13 } NR > 3 { p += $12 + $13 }
		END { f = 1000000 / tick; printf "%d %d %d %d\n", e * f, a * f, n * f, p * f }'
}
part_a() {
	printf '\na. GET /api/brands, %s brands of one tenant, access token\n' "$BRANDS"
	pgbench_script >"$work/read.sql"
	got=$(api GET "/api/brands?page_size=50" "$token" | grep -o '"brand_id"' | wc -l)
	[ "$got" -ge "$BRANDS" ] || die "the list holds $got brands, not $BRANDS"
	run_wrk 64 2 >/dev/null
	for c in 1 32 64; do
		before=$(cpu_used)
		# shellcheck disable=SC2046 # words
		set -- $(run_wrk "$c" "$SECONDS_EACH")
		after=$(cpu_used)
		[ $# -eq 5 ] || die "wrk gave no figures"
		[ "$4" -eq 0 ] && [ "$5" -eq 0 ] || die "$c connections: $4 answers were no success, $5 socket errors"
		tps=$(run_pgbench "$c" "$SECONDS_EACH")
		goal='' goal99='' goalr=''
		[ "$c" -ne 64 ] || { goal='>= 5000'; goal99='< 30'; goalr='>= 0.30'; }
		row "read, $c connections: requests/s" "$1" "$goal"
		row "read, $c connections: p50 ms" "$2" ""
		row "read, $c connections: p99 ms" "$3" "$goal99"
		row "read, $c connections: CPU us each: edge, auth, nats, postgres" "$(echo "$before $after" | awk -v n="$1" -v s="$SECONDS_EACH" '{ for (i = 1; i <= 4; i++) printf "%s%.0f", (i > 1 ? " " : ""), ($(i + 4) - $i) / (n * s) }')" ""
		row "pgbench, same transaction, $c connections: per s" "$(calc "$tps")" ""
		row "read / pgbench, $c connections" "$(calc "$1 / $tps" 2)" "$goalr"
	done
}

# ---- b: the bus ----

wait_file() {
	n=0
	until grep -q "$2" "$1" 2>/dev/null; do
		n=$((n + 1))
		kill -0 "$responder" 2>/dev/null && [ "$n" -le 200 ] || die "the responder does not start: $(tail -n 3 "$1")"
		sleep 0.05
	done
}
start_responder() {
	: >"$work/responder.log"
	(become auth "$OUT/bin/bench" "$@" >"$work/responder.log" 2>&1) &
	responder=$!
}
part_b() {
	printf '\nb. a typed call (libs/svc: token, rule, validation, protobuf, counters), %s brands from memory, beside bare cnats; auth is stopped meanwhile\n' "$BRANDS"
	sh "$root/deploy/local/suite.sh" stop "$run" auth
	for c in 1 16 64; do
		start_responder serve "$work/bench.token"
		wait_file "$work/responder.log" service.started
		as_service api-edge timeout $((SECONDS_EACH + 30)) "$OUT/bin/bench" typed "$work/bench.token" "$c" "$SECONDS_EACH" >"$work/typed" 2>"$work/typed.log" ||
			die "the callers failed: $(tail -n 2 "$work/typed.log")"
		end_responder
		bytes=$(sed -n 's/^ANSWER //p' "$work/typed")
		start_responder echo "$bytes"
		wait_file "$work/responder.log" READY
		as_service api-edge timeout $((SECONDS_EACH + 30)) "$OUT/bin/bench" bare "$c" "$SECONDS_EACH" >"$work/bare" 2>"$work/bare.log" ||
			die "the bare callers failed: $(tail -n 2 "$work/bare.log")"
		end_responder
		# shellcheck disable=SC2046 # words
		set -- $(sed -n 's/^RESULT //p' "$work/typed") $(sed -n 's/^RESULT //p' "$work/bare")
		[ $# -eq 8 ] || die "the bus gave no figures"
		row "bus call, $c callers: per s" "$1" ""
		row "bus call, $c callers: p50 / p99 ms" "$2 / $3" ""
		row "bare cnats, $c callers, $bytes bytes: per s" "$5" ""
		row "bus call / bare cnats, $c callers" "$(calc "$1 / $5" 2)" ">= 0.70"
	done
	sh "$root/deploy/local/suite.sh" start "$run" auth
	wait_ready
}
wait_ready() {
	n=0
	until curl -fsS -m 3 "$base/readyz" >/dev/null 2>&1; do
		n=$((n + 1))
		[ "$n" -le 300 ] || die "the suite does not become ready again: $(curl -sS -m 3 "$base/readyz")"
		sleep 0.1
	done
}

# ---- c: business events ----

# events SERVICE ads|orders ROWS ROWS_PER_EVENT TEXT GOAL
events() {
	target=$(new_brand "Events of $2, $4 a page")
	watch=$(set -a && . "$run/pid/attribution.env" && printf %s "$PP_DB_APP")
	# shellcheck disable=SC2046 # words
	set -- "$5" "$6" "$3" "$4" $(WATCH_DB=$watch as_service "$1" timeout 200 "$OUT/bin/bench" events "$2" "$tenant" "$target" "$3" "$4" |
		sed -n 's/^RESULT //p')
	[ $# -eq 8 ] || die "events of $1: no figures"
	row "$1: events (rows)/s ($3 rows, $(((${3} + ${4} - 1) / ${4})) messages)" "$5" "$2"
	row "$1: messages/s, seconds until inserted / applied" "$6, $8 / $7" ""
}
part_c() {
	printf '\nc. business events: outbox, relay, stream, inbox, committed effect; rows and sums checked\n'
	events ingest-ads ads 160000 800 "ad results, 800 a page" ">= 10000"
	events ingest-shopify orders 40000 100 "orders with 3 touches and credits, 100 a page" ">= 10000"
	events ingest-ads ads 10000 1 "ad results, 1 a page" ""
}

# ---- d: a sync ----

part_d() {
	printf '\nd. a sync of Shopify, %s, plan enterprise\n' "$DATA"
	lines=$(($(wc -l <"$run/dataset/order_lines.csv") - 1))
	target=$(new_brand "Sync")
	code=$(curl -fsS -m "$CALL_LIMIT" -X POST "$sim/control/shopify/code" -d '{}' | member code)
	shop=$(sed -n 's/.*"shop_domain": *"\([^"]*\)".*/\1/p' "$run/dataset/dataset.json")
	api POST /api/integrations/shopify "$token" "{\"brand_id\":\"$target\",\"shop_domain\":\"$shop\",\"code\":\"$code\"}" >/dev/null
	began=$(date +%s%N)
	id=$(api POST /api/sync/shopify "$token" "{\"brand_id\":\"$target\"}" | member run_id)
	fetched=
	while :; do
		api GET "/api/sync/shopify/$id" "$token" >"$work/sync"
		state=$(member state <"$work/sync")
		now=$(date +%s%N)
		case $state in
		failed) die "the sync failed: $(member error <"$work/sync")" ;;
		projecting | done) fetched=${fetched:-$now} ;;
		esac
		[ "$state" != "done" ] || break
		[ $(((now - began) / 1000000000)) -le "$SYNC_LIMIT" ] || die "the sync is still $state after $SYNC_LIMIT s: $(cat "$work/sync")"
		sleep 0.05
	done
	took=$(calc "($now - $began) / 1e9" 3)
	rows=$(member rows <"$work/sync")
	want=$(($(wc -l <"$run/dataset/orders.csv") + $(wc -l <"$run/dataset/products.csv") - 2))
	[ "$rows" -eq "$want" ] || die "the sync stored $rows rows, not $want"
	row "sync: order lines/s ($lines lines to projected credits)" "$(calc "$lines / $took")" ">= 5000"
	row "sync: pages, rows" "$(member pages <"$work/sync"), $rows" ""
	row "sync: seconds until fetched / until projected" "$(calc "($fetched - $began) / 1e9" 2) / $(calc "$took" 2)" ""
	api GET "/api/brands/$target/summary" "$token" >/dev/null
}

# ---- f: telemetry ----

# The database, as its superuser.
super() {
	PGOPTIONS="-c search_path=observability" timeout 120 "$PGBIN/psql" -X -q -t -A -v ON_ERROR_STOP=1 -h "$(setting pg.env PGHOST)" -p "$(setting pg.env PGPORT)" -U "$(setting pg.env PGUSER)" pulsepoint "$@"
}
part_f() {
	printf '\nf. request telemetry: ring, sender, stream, 100 rows a message, to committed rows of events, latency, accounts and samples; rows counted\n'
	watch=$(set -a && . "$run/pid/observability.env" && printf %s "$PP_DB_WORKER")
	(
		set -a
		. "$run/pid/api-edge.env"
		set +a
		for v in $(env | sed -n 's/^\(PP_[A-Z_]*\)=.*/\1/p'); do
			case $v in PP_NATS_*) ;; *) unset "$v" ;; esac
		done
		WATCH_DB=$watch exec timeout 200 "$OUT/bin/bench" telemetry "$tenant" "$TELEMETRY_ROWS" paced
	) >"$work/telemetry" 2>&1 || die "telemetry: $(tail -n 3 "$work/telemetry")"
	# shellcheck disable=SC2046 # words
	set -- $(sed -n 's/^RESULT //p' "$work/telemetry")
	[ $# -eq 4 ] || die "telemetry gave no figures"
	stored=$(super -c "SELECT count(*) FROM events WHERE tenant_id = '$tenant' AND action LIKE 'GET /api/bench/%'")
	[ "$2" -eq 0 ] && [ "$stored" -eq "$1" ] || die "telemetry: $stored of $1 rows are stored, $2 dropped"
	counted=$(super -c "SELECT sum(requests) FROM latency WHERE tenant_id = '$tenant' AND method LIKE 'GET /api/bench/%'")
	[ "$counted" -eq "$1" ] || die "latency counts $counted of $1 requests"
	super -c "CREATE TABLE bench_plain (LIKE events)" -c "\\copy (SELECT * FROM events WHERE tenant_id = '$tenant' AND action LIKE 'GET /api/bench/%') TO '$work/rows.copy'"
	began=$(date +%s%N)
	super -c "\\copy bench_plain FROM '$work/rows.copy'"
	took=$(($(date +%s%N) - began))
	copied=$(super -c "SELECT count(*) FROM bench_plain" -c "DROP TABLE bench_plain")
	[ "$copied" -eq "$1" ] || die "COPY stored $copied of $1 rows"
	rm -f "$work/rows.copy"
	row "telemetry: events/s from emit to committed row ($1 rows)" "$(calc "$1 / ($4 / 1e6)")" ">= 40000"
	row "telemetry: events/s told to the ring" "$(calc "$1 / ($3 / 1e6)")" ""
	row "COPY of the same rows into an unprotected table: rows/s" "$(calc "$1 / ($took / 1e9)")" ""
	row "telemetry / COPY" "$(calc "($1 / $4) / ($1 * 1000 / $took)" 2)" ""
}

# ---- g: reserve and settle ----

part_g() {
	printf '\ng. token-billing over the bus: a reservation and its settlement, all of one brand under a hard budget\n'
	printf %s "$token" >"$work/billing.token"
	target=$(new_brand "Billing")
	api PUT /api/admin/budgets "$token" "{\"brand_id\":\"$target\",\"period\":\"day\",\"hard\":\"1000000\"}" >/dev/null
	for callers in 1 16 64; do
		# shellcheck disable=SC2046 # words
		set -- $(as_service ai-insights timeout 60 "$OUT/bin/bench" billing "$work/billing.token" "$target" "$callers" "$SECONDS_EACH" 2>"$work/billing.log" | sed -n 's/^RESULT //p')
		[ $# -eq 4 ] || die "billing: no figures: $(tail -n 3 "$work/billing.log")"
		[ "$4" -eq 0 ] || die "billing: $4 calls failed: $(tail -n 3 "$work/billing.log")"
		row "reserve + settle, $callers callers: pairs/s" "$1" ""
		row "reserve + settle, $callers callers: p50 / p99 ms of a pair" "$2 / $3" ""
	done
}

# ---- h: alerts ----

part_h() {
	printf '\nh. from a cause to the webhook: telemetry, rule, alert, notice, a signed POST that arrives\n'
	code=$(api POST /api/admin/tenants "$operator" \
		"{\"name\":\"Alerts\",\"tier\":\"unlimited\",\"admin\":{\"email\":\"alerts@bench.example\",\"password\":\"$password\"}}" | member tenant_id)
	api POST /api/auth/login "$operator" "{\"email\":\"alerts@bench.example\",\"password\":\"$password\"}" | member access_token >"$work/alerts.token"
	# shellcheck disable=SC2046 # words
	set -- $(as_service api-edge timeout 120 "$OUT/bin/bench" alerts "$base" "$code" "$work/alerts.token" 200 2>"$work/alerts.log" | sed -n 's/^RESULT //p')
	[ $# -eq 4 ] || die "alerts: no figures: $(tail -n 3 "$work/alerts.log")"
	row "alert, cause to delivered webhook ($1 changes): p50 ms" "$2" ""
	row "alert, cause to delivered webhook: p99 ms" "$3" "< 1000"
	row "alert, cause to delivered webhook: slowest ms" "$4" ""
}

# ---- e: memory ----

part_e() {
	printf '\ne. memory of the services after that\n'
	for d in "$root"/services/*/main.c; do
		s=$(basename "$(dirname "$d")")
		p=$(cat "$run/pid/$s" 2>/dev/null || true)
		[ -n "$p" ] && [ -r "/proc/$p/status" ] || die "$s has ended, see its log: $(tail -n 3 "$run/log/$s.log")"
		row "memory of $s: resident MB" "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$p/status")" "< 50"
		row "memory of $s: peak MB" "$(awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$p/status")" ""
	done
}

facts
prepare
: >"$table"
for part in a b c d f g h e; do
	! has_part "$part" || "part_$part"
done
printf '\n'
facts
printf '%-70s %16s   %s\n' figure measured goal
awk -F '\t' '{ printf "%-70s %16s   %s\n", $1, $2, $3 }' "$table"
