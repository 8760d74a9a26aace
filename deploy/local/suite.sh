#!/bin/sh
# The whole suite of one directory: PostgreSQL, nats-server, roles, streams, migrations, services, simulator. Demo, system tests and bench all start it here.
#
#   suite.sh up DIR [DATASET]    starts what is not running, in order, and waits until it is ready
#   suite.sh down DIR            ends services, simulator, nats-server and PostgreSQL
#   suite.sh start DIR NAME      starts one service (or "simulator")
#   suite.sh stop DIR NAME       ends it and waits
#   suite.sh kill DIR NAME       kill -9
#   suite.sh pid DIR NAME        prints its process number
#   suite.sh status DIR          one line each
#
# OUT is the build's output (build/gcc); PORT the gateway's port (0 or empty: a free one); EXTRA_ENV more settings for the services, one a line.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
OUT=$(cd "$root" && cd "${OUT:-build/gcc}" && pwd -P)
WAIT=60 # seconds for anything to become ready

die() {
	echo "suite.sh: $*" >&2
	exit 1
}
[ $# -ge 2 ] || { sed -n '4,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$2"
DIR=$(cd "$2" && pwd -P)
mkdir -p "$DIR/log" "$DIR/pid"

# The services that have a binary: a directory under services/ is a service.
services() {
	for d in "$root"/services/*/main.c; do
		s=$(basename "$(dirname "$d")")
		[ "$s" = api-edge ] || echo "$s"
	done
	echo api-edge
}

pid_of() {
	cat "$DIR/pid/$1" 2>/dev/null || true
}

# A stale file may name somebody else's process: its program must be ours.
running() {
	p=$(pid_of "$1")
	[ -n "$p" ] && [ "$(readlink "/proc/$p/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$OUT/bin/$1" ]
}

setting() {
	sed -n "s/^$2=//p" "$DIR/$1" 2>/dev/null || true
}

free_port() {
	# Two suites that start in one second must not draw the same.
	awk -v seed="$(od -An -tu4 -N4 /dev/urandom | tr -d ' ')" 'function hex(s, i, v) { for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1; return v }
		$4 == "0A" { n = split($2, a, ":"); taken[hex(a[n])] = 1 }
		END { srand(seed); do port = 32000 + int(rand() * 700); while (port in taken); print port }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# ---- settings of each program ----

provider_env() {
	sim="http://127.0.0.1:$(cat "$DIR/simulator.port" 2>/dev/null || echo 1)"
	case $1 in
	ingest-shopify)
		echo "PP_SHOPIFY_URL=$sim"
		;;
	ingest-ads)
		echo "PP_META_URL=$sim"
		echo "PP_TIKTOK_URL=$sim"
		echo "PP_GOOGLE_ADS_URL=$sim"
		echo "PP_GOOGLE_TOKEN_URL=$sim"
		;;
	ai-insights)
		echo "PP_AI_URL=$sim"
		echo "PP_AI_KEY_FILE=$DIR/ai.key"
		;;
	observability)
		# The receiver of the demo and the tests is on this machine.
		echo "PP_WEBHOOK_PRIVATE=allow"
		;;
	api-edge)
		echo "PP_HTTP_LISTEN=127.0.0.1:$(setting edge.env EDGE_PORT)"
		;;
	esac
	cat "$DIR/$1.apps" 2>/dev/null || true
}

environment() {
	{
		echo "PATH='$PATH'"
		"$OUT/bin/pp-deploy" env "$DIR" "$1"
		provider_env "$1"
		printf '%s\n' "${EXTRA_ENV:-}"
	} >"$DIR/pid/$1.env"
	chmod 600 "$DIR/pid/$1.env"
}

# ---- one program ----

launch() {
	name=$1
	shift
	setsid "$@" </dev/null >>"$DIR/log/$name.log" 2>&1 &
	echo $! >"$DIR/pid/$name"
	# Until it has become itself, it would be taken for one that has ended.
	n=0
	while ! running "$name" && [ -d "/proc/$!" ] && [ "$n" -lt 200 ]; do
		n=$((n + 1))
		sleep 0.01
	done
}

# Runs a command with the settings of program $1 and no other PP_ variable of ours. The file holds shell words.
with_settings() (
	vars=$(cut -d= -f1 "$DIR/pid/$1.env" | grep . | tr '\n' ' ')
	set -a
	. "$DIR/pid/$1.env"
	set +a
	shift
	for v in $(env | cut -d= -f1 | grep '^PP_' || true); do
		case " $vars " in *" $v "*) ;; *) unset "$v" ;; esac
	done
	"$@"
)

start_service() {
	(umask 077 && environment "$1")
	# What runs with other settings, or from another build, is started anew.
	if running "$1" && cmp -s "$DIR/pid/$1.env" "$DIR/pid/$1.env.running" &&
		[ "$(stat -Lc %i "/proc/$(pid_of "$1")/exe")" = "$(stat -c %i "$OUT/bin/$1")" ]; then
		return 0
	fi
	stop_one "$1" TERM
	cp -p "$DIR/pid/$1.env" "$DIR/pid/$1.env.running"
	with_settings "$1" launch "$1" "$OUT/bin/$1"
}

# The apps that the simulator knows, as settings of the ingest services.
write_apps() {
	tokens=$(curl -fsS -m 5 -X POST -H 'Content-Type: application/json' -d '{}' "http://127.0.0.1:$(cat "$DIR/simulator.port")/control/tokens") ||
		die "the simulator gives no tokens"
	member() {
		printf "%s\n" "$tokens" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/$2='\1'/p"
	}
	(umask 077
	member shopify_client_id PP_SHOPIFY_CLIENT_ID >"$DIR/ingest-shopify.apps"
	member shopify_client_secret PP_SHOPIFY_CLIENT_SECRET >>"$DIR/ingest-shopify.apps"
	member tiktok_app_id PP_TIKTOK_APP_ID >"$DIR/ingest-ads.apps"
	member tiktok_secret PP_TIKTOK_SECRET >>"$DIR/ingest-ads.apps"
	member google_client_id PP_GOOGLE_CLIENT_ID >>"$DIR/ingest-ads.apps"
	member google_client_secret PP_GOOGLE_CLIENT_SECRET >>"$DIR/ingest-ads.apps"
	member google_developer_token PP_GOOGLE_DEVELOPER_TOKEN >>"$DIR/ingest-ads.apps"
	# The simulated model takes any key of the right form.
	[ -s "$DIR/ai.key" ] || echo "sk-ant-simulator-$(od -An -tx1 -N12 /dev/urandom | tr -d " \n")" >"$DIR/ai.key")
}

start_simulator() {
	! running simulator || return 0
	rm -f "$DIR/simulator.port"
	[ -d "$DIR/dataset" ] || die "there is no dataset to serve"
	port=$(setting simulator.env SIMULATOR_PORT)
	# shellcheck disable=SC2086 # flags are words
	launch simulator "$OUT/bin/simulator" --data "$DIR/dataset" --port "${port:-0}" \
		--port-file "$DIR/simulator.port" --plan "${PLAN:-plus}" ${SIMULATOR_FLAGS:-}
	n=0
	until [ -s "$DIR/simulator.port" ]; do
		n=$((n + 1))
		running simulator || [ "$n" -lt 20 ] || die "the simulator does not start, see $DIR/log/simulator.log"
		[ "$n" -le $((WAIT * 10)) ] || die "the simulator does not listen"
		sleep 0.1
	done
	echo "SIMULATOR_PORT=$(cat "$DIR/simulator.port")" >"$DIR/simulator.env"
	write_apps
}

start_one() {
	case $1 in
	simulator) start_simulator ;;
	*) [ -x "$OUT/bin/$1" ] || die "there is no program $1"; start_service "$1" ;;
	esac
}

stop_one() {
	running "$1" || { rm -f "$DIR/pid/$1"; return 0; }
	p=$(pid_of "$1")
	kill -"$2" "$p" 2>/dev/null || true
	n=0
	while running "$1"; do
		n=$((n + 1))
		[ "$n" -ne 200 ] || kill -KILL "$p" 2>/dev/null || true
		[ "$n" -le 300 ] || die "$1 does not end"
		sleep 0.1
	done
	rm -f "$DIR/pid/$1"
}

# ---- everything ----

unpack_dataset() {
	[ -n "$1" ] || return 0
	rm -rf "$DIR/dataset.new"
	mkdir -p "$DIR/dataset.new"
	case $1 in
	*.tar.gz | *.tgz) tar -xzf "$1" -C "$DIR/dataset.new" --no-same-owner ;;
	*) [ -d "$1" ] || die "$1 is neither a folder nor a .tar.gz"; cp -R "$1/." "$DIR/dataset.new/" ;;
	esac
	# An archive holds one folder; its name says nothing.
	if [ ! -f "$DIR/dataset.new/dataset.json" ]; then
		inner=$(find "$DIR/dataset.new" -maxdepth 2 -name dataset.json | head -n 1)
		[ -n "$inner" ] || die "$1 holds no dataset.json"
		mv "$(dirname "$inner")" "$DIR/dataset.inner"
		rm -rf "$DIR/dataset.new"
		mv "$DIR/dataset.inner" "$DIR/dataset.new"
	fi
	rm -rf "$DIR/dataset"
	mv "$DIR/dataset.new" "$DIR/dataset"
}

migrate() {
	for s in $(services); do
		[ "$s" != api-edge ] || continue
		(umask 077 && environment "$s")
		with_settings "$s" "$OUT/bin/$s" --migrate >>"$DIR/log/migrate.log" 2>&1 ||
			die "$s --migrate failed, see $DIR/log/migrate.log"
	done
}

nats_up() {
	"$OUT/bin/pp-deploy" nats-conf "$DIR" "$DIR/jetstream" 4222 >"$DIR/nats.wanted"
	chmod 600 "$DIR/nats.wanted"
	# A running server keeps its configuration until it is asked to read the new one.
	if [ -f "$DIR/nats.conf" ] && ! cmp -s "$DIR/nats.conf" "$DIR/nats.wanted"; then
		sh "$here/stack.sh" nats-down "$DIR"
	fi
	sh "$here/stack.sh" nats-up "$DIR" "$DIR/nats.wanted"
}

wait_ready() {
	url="http://127.0.0.1:$(setting edge.env EDGE_PORT)/readyz"
	until_s=$(($(date +%s) + WAIT))
	until curl -fsS -m 3 "$url" >/dev/null 2>&1; do
		for s in $(services); do
			running "$s" || { tail -n 5 "$DIR/log/$s.log" >&2; die "$s has ended, see $DIR/log/$s.log"; }
		done
		[ "$(date +%s)" -le "$until_s" ] || die "not ready after $WAIT s: $(curl -sS -m 3 "$url" 2>&1)"
		sleep 0.1
	done
}

choose_port() {
	have=$(setting edge.env EDGE_PORT)
	want=${PORT:-0}
	if [ "$want" = 0 ]; then
		want=${have:-$(free_port)}
	fi
	[ "$have" = "$want" ] || stop_one api-edge TERM
	echo "EDGE_PORT=$want" >"$DIR/edge.env"
}

up() {
	"$OUT/bin/pp-deploy" keys "$DIR" >/dev/null
	sh "$here/stack.sh" pg-up "$DIR"
	nats_up
	admin="host=$(setting pg.env PGHOST) port=$(setting pg.env PGPORT) user=postgres dbname=postgres"
	"$OUT/bin/pp-deploy" roles "$DIR" "$admin" >>"$DIR/log/deploy.log" 2>&1 || die "roles failed, see $DIR/log/deploy.log"
	"$OUT/bin/pp-deploy" streams "$DIR" >>"$DIR/log/deploy.log" 2>&1 || die "streams failed, see $DIR/log/deploy.log"
	choose_port
	start_simulator
	migrate
	for s in $(services); do
		start_one "$s"
	done
	wait_ready
}

case $1 in
up)
	if [ -n "${3:-}" ]; then
		stop_one simulator TERM
		unpack_dataset "$3"
	fi
	up
	;;
down)
	for s in api-edge $(services) simulator; do
		stop_one "$s" TERM
	done
	sh "$here/stack.sh" nats-down "$DIR"
	sh "$here/stack.sh" pg-down "$DIR"
	;;
start) start_one "$3" ;;
stop) stop_one "$3" TERM ;;
kill) stop_one "$3" KILL ;;
pid) pid_of "$3" ;;
status)
	sh "$here/stack.sh" status "$DIR" || true
	for s in simulator $(services); do
		if running "$s"; then echo "$s up, process $(pid_of "$s")"; else echo "$s down"; fi
	done
	;;
*) die "unknown command $1" ;;
esac
