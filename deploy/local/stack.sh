#!/bin/sh
# PostgreSQL and nats-server of one directory, for demo, tests and bench alike; never the system's own.
#
#   stack.sh pg-up DIR             starts PostgreSQL (makes the cluster first); writes DIR/pg.env
#   stack.sh pg-down DIR           stops it
#   stack.sh nats-up DIR CONFIG    starts nats-server with file storage; writes DIR/nats.env
#   stack.sh nats-down DIR         stops it
#   stack.sh status DIR            one line each; 0 when both run, else 3
#   stack.sh wipe DIR              stops both and removes what they stored
#
# Every command may be repeated: what runs stays, what is half stopped is put right. Ports are free ones of 127.0.0.1, and
# kept from start to start. The superuser "postgres" is let in over the unix socket only, by the operating system's word
# (peer); everybody else needs a password (SCRAM). PostgreSQL refuses to run as root: then the user "postgres" runs it, with its
# cluster where that user can reach it (DIR/pgdata.path says where).
#
# CONFIG is nats-server's configuration, copied to DIR/nats.conf; port and address given here win over its own. Without a
# store_dir it stores in DIR/jetstream. When CONFIG is left out, that of the last start is used again.
set -eu
umask 022

START_LIMIT=60 # seconds for a server to answer
STOP_LIMIT=30  # seconds before it is killed
PORT_TRIES=5

die() {
	echo "stack.sh: $*" >&2
	exit 1
}

usage() {
	sed -n '4,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# ---- processes ----

# True when process $1 runs and $2 stands in its command line: a number in a stale file may belong to anybody.
is_running() {
	[ -n "$1" ] && [ -r "/proc/$1/cmdline" ] &&
		tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -Fq -- "$2"
}

# Waits until process $1 (known by $2) is gone; kills it hard when the limit is over.
wait_gone() {
	n=0
	while is_running "$1" "$2"; do
		n=$((n + 1))
		[ "$n" -eq $((STOP_LIMIT * 10)) ] && kill -9 "$1" 2>/dev/null
		[ "$n" -gt $((STOP_LIMIT * 10 + 100)) ] && die "process $1 does not end"
		sleep 0.1
	done
}

# A port of 127.0.0.1 on which nobody listens. Somebody may still be faster: callers try again.
free_port() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v seed="$$$(date +%N)" '
		function hex(s,   i, v) {
			for (i = 1; i <= length(s); i++)
				v = v * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1
			return v
		}
		$4 == "0A" { n = split($2, a, ":"); taken[hex(a[n])] = 1 }
		END {
			srand(seed % 2147483647)
			do
				port = 20000 + int(rand() * 12000)
			while (port in taken)
			print port
		}'
}

# The value of $2 in the KEY=value lines of file $1; nothing when there is none.
setting() {
	[ ! -f "$1" ] || sed -n "s/^$2=//p" "$1"
}

# Replaces file $1 by what comes on stdin, whole or not at all.
write_file() {
	cat >"$1.new"
	mv "$1.new" "$1"
}

# ---- PostgreSQL ----

find_pg_bin() {
	for d in $(pg_config --bindir 2>/dev/null || true) /usr/lib/postgresql/*/bin /usr/local/bin /usr/bin; do
		[ -x "$d/initdb" ] && [ -x "$d/postgres" ] && PG_BIN=$d
		[ -n "${PG_BIN:-}" ] && return
	done
	die "PostgreSQL is not installed (no initdb found)"
}

# Runs a program of PostgreSQL as the user who owns the cluster. Descriptor 9 is our lock, not theirs.
as_owner() {
	if [ "$PG_OWNER" = "$(id -un)" ]; then
		"$@" 9>&-
	else
		(cd / && exec runuser -u "$PG_OWNER" -- "$@") 9>&-
	fi
}

# Sets PG_ROOT and PG_OWNER: where the cluster is, or shall be.
locate_cluster() {
	PG_ROOT=
	[ ! -f "$DIR/pgdata.path" ] || PG_ROOT=$(dirname "$(cat "$DIR/pgdata.path")")
	PG_OWNER=$(id -un)
	[ "$(id -u)" -ne 0 ] || PG_OWNER=postgres
	if [ -n "$PG_ROOT" ] && [ -d "$PG_ROOT" ]; then
		PG_OWNER=$(stat -c %U "$PG_ROOT")
		[ "$(id -u)" -eq 0 ] || [ "$PG_OWNER" = "$(id -un)" ] ||
			die "the cluster in $PG_ROOT belongs to $PG_OWNER"
		[ "$PG_OWNER" != root ] || die "$PG_ROOT belongs to root, whom PostgreSQL refuses"
	fi
	[ "$(id -u)" -ne 0 ] || id "$PG_OWNER" >/dev/null 2>&1 || die "there is no user $PG_OWNER"
}

# A unix socket's path has at most 107 bytes, and it is written unquoted into pg.env.
is_plain() {
	[ ${#1} -le 80 ] && [ -z "$(printf %s "$1" | tr -d 'A-Za-z0-9/._-')" ]
}

try_root() {
	mkdir -m 755 "$1" 2>/dev/null || return 1
	if [ "$PG_OWNER" != "$(id -un)" ]; then
		chown "$PG_OWNER" "$1"
		as_owner test -w "$1" 2>/dev/null || {
			rmdir "$1"
			return 1
		}
	fi
	PG_ROOT=$1
}

# A new home for the cluster: beside the rest, or where its owner can reach it.
choose_root() {
	[ -z "$PG_ROOT" ] || [ ! -d "$PG_ROOT" ] || return 0
	hash=$(printf %s "$DIR" | sha256sum | cut -c1-16)
	# An unmarked one of ours is left from an attempt that was broken off.
	for d in "$DIR/pg" "/var/tmp/pulsepoint-$hash" "/tmp/pulsepoint-$hash"; do
		is_plain "$d" || continue
		if [ -d "$d" ] && [ ! -L "$d" ] && [ "$(stat -c %U "$d")" = "$PG_OWNER" ]; then
			as_owner rm -rf "$d/data" "$d/sock"
			[ "$PG_OWNER" = "$(id -un)" ] || as_owner test -w "$d" 2>/dev/null || continue
			PG_ROOT=$d
			break
		fi
		! try_root "$d" || break
	done
	[ -n "$PG_ROOT" ] || die "found no place for the cluster of $DIR"
	echo "$PG_ROOT/data" | write_file "$DIR/pgdata.path"
}

make_cluster() {
	[ ! -f "$PG_ROOT/data/complete" ] || return 0
	as_owner rm -rf "$PG_ROOT/data"
	as_owner mkdir -p "$PG_ROOT/sock"
	as_owner "$PG_BIN/initdb" -D "$PG_ROOT/data" -U postgres -E UTF8 --locale=C.UTF-8 -N \
		--auth-local=peer --auth-host=scram-sha-256 >"$DIR/initdb.log" 2>&1 ||
		die "initdb failed, see $DIR/initdb.log"
	echo "include 'pulsepoint.conf'" |
		as_owner tee -a "$PG_ROOT/data/postgresql.conf" >/dev/null
	as_owner touch "$PG_ROOT/data/complete"
}

# Written at every start. Row values and passwords must not reach the log: no DETAIL, no statement.
configure_cluster() {
	as_owner tee "$PG_ROOT/data/pulsepoint.conf" >/dev/null <<-CONF
		listen_addresses = '127.0.0.1'
		port = $1
		unix_socket_directories = '$PG_ROOT/sock'
		max_connections = 200
		shared_buffers = 256MB
		fsync = on
		password_encryption = 'scram-sha-256'
		timezone = 'UTC'
		log_timezone = 'UTC'
		log_error_verbosity = terse
		log_min_error_statement = panic
	CONF
	as_owner tee "$PG_ROOT/data/pg_hba.conf" >/dev/null <<-'CONF'
		local all postgres peer map=stack
		local all all scram-sha-256
		host all postgres all reject
		host all all 127.0.0.1/32 scram-sha-256
	CONF
	for user in "$PG_OWNER" "$(id -un)" root; do
		echo "stack $user postgres"
	done | sort -u | as_owner tee "$PG_ROOT/data/pg_ident.conf" >/dev/null
}

pg_pid() {
	as_owner head -n 1 "$PG_ROOT/data/postmaster.pid" 2>/dev/null || true
}

# The server of this cluster, not whoever has its number now.
pg_is_running() {
	[ -n "$PG_ROOT" ] && [ -d "$PG_ROOT/data" ] && is_running "$(pg_pid)" "$PG_ROOT/data"
}

pg_answers() {
	port=$(setting "$DIR/pg.env" PGPORT)
	[ -n "$port" ] && "$PG_BIN/pg_isready" -q -h "$PG_ROOT/sock" -p "$port"
}

# Starts with port $1; fails when the server ends again (the port may be taken).
try_pg_start() {
	configure_cluster "$1"
	as_owner rm -f "$PG_ROOT/data/postmaster.pid"
	as_owner rm -f "$PG_ROOT"/sock/.s.PGSQL.*
	as_owner "$PG_BIN/pg_ctl" -D "$PG_ROOT/data" -l "$PG_ROOT/data/server.log" -s -w \
		-t "$START_LIMIT" start >/dev/null 2>&1 </dev/null
}

write_pg_env() {
	printf 'PGHOST=%s\nPGPORT=%s\nPGUSER=postgres\n' "$PG_ROOT/sock" "$1" | write_file "$DIR/pg.env"
}

pg_up() {
	find_pg_bin
	locate_cluster
	if pg_is_running; then
		n=0
		until pg_answers; do
			n=$((n + 1))
			[ "$n" -le $((START_LIMIT * 10)) ] || die "PostgreSQL runs but does not answer"
			pg_is_running || break
			sleep 0.1
		done
		! pg_is_running || return 0
	fi
	choose_root
	make_cluster
	port=$(setting "$DIR/pg.env" PGPORT)
	[ -n "$port" ] || port=$(free_port)
	n=0
	until try_pg_start "$port"; do
		n=$((n + 1))
		[ "$n" -lt "$PORT_TRIES" ] || die "PostgreSQL does not start, see $PG_ROOT/data/server.log"
		# After a kill, the old server's children may still hold its memory for a moment; after
		# that the port is the likely reason.
		sleep 0.5
		[ "$n" -lt 3 ] || port=$(free_port)
	done
	write_pg_env "$port"
}

pg_down() {
	find_pg_bin
	locate_cluster
	pg_is_running || return 0
	pid=$(pg_pid)
	as_owner "$PG_BIN/pg_ctl" -D "$PG_ROOT/data" -s -w -t "$STOP_LIMIT" -m fast stop >/dev/null 2>&1 ||
		as_owner "$PG_BIN/pg_ctl" -D "$PG_ROOT/data" -s -w -t "$STOP_LIMIT" -m immediate stop \
			>/dev/null 2>&1 || true
	wait_gone "$pid" "$PG_ROOT/data"
}

# ---- NATS ----

nats_pid() {
	cat "$DIR/nats.pid" 2>/dev/null || true
}

nats_is_running() {
	is_running "$(nats_pid)" "$DIR/nats.pid"
}

# nats-server writes this file when it listens.
nats_ports_file() {
	echo "$DIR/nats-ports/nats-server_$1.ports"
}

# Starts with port $1; fails when the server ends again (the port may be taken).
try_nats_start() {
	rm -rf "$DIR/nats-ports" "$DIR/nats.pid"
	mkdir -p "$DIR/nats-ports" "$DIR/jetstream"
	grep -q store_dir "$DIR/nats.conf" || set -- "$1" -js -sd "$DIR/jetstream"
	setsid nats-server -c "$DIR/nats.conf" -a 127.0.0.1 -p "$@" \
		-P "$DIR/nats.pid" --ports_file_dir "$DIR/nats-ports" \
		</dev/null >>"$DIR/nats.log" 2>&1 9>&- &
	pid=$!
	waited=0
	until [ -s "$(nats_ports_file "$pid")" ] && [ -s "$DIR/nats.pid" ]; do
		waited=$((waited + 1))
		kill -0 "$pid" 2>/dev/null || return 1
		[ "$waited" -le $((START_LIMIT * 20)) ] || die "nats-server does not listen, see $DIR/nats.log"
		sleep 0.05
	done
}

nats_up() {
	command -v nats-server >/dev/null || die "nats-server is not installed"
	! nats_is_running || return 0
	if [ -n "$1" ]; then
		[ -r "$1" ] || die "cannot read $1"
		(umask 077 && write_file "$DIR/nats.conf" <"$1")
		# Without users everybody may say everything: never by accident.
		[ -s "$DIR/nats.conf" ] || die "$1 is empty"
	elif [ ! -f "$DIR/nats.conf" ]; then
		echo 'max_payload: 1MB' | write_file "$DIR/nats.conf"
	fi
	port=$(setting "$DIR/nats.env" NATS_PORT)
	[ -n "$port" ] || port=$(free_port)
	n=0
	until try_nats_start "$port"; do
		n=$((n + 1))
		[ "$n" -lt "$PORT_TRIES" ] || die "nats-server does not start, see $DIR/nats.log"
		sleep 0.2
		[ "$n" -lt 2 ] || port=$(free_port)
	done
	printf 'NATS_PORT=%s\nNATS_URL=nats://127.0.0.1:%s\n' "$port" "$port" | write_file "$DIR/nats.env"
}

nats_down() {
	pid=$(nats_pid)
	is_running "$pid" "$DIR/nats.pid" || return 0
	kill -TERM "$pid" 2>/dev/null || true
	wait_gone "$pid" "$DIR/nats.pid"
	rm -f "$DIR/nats.pid"
}

# ---- both ----

status() {
	find_pg_bin
	locate_cluster
	code=0
	if pg_is_running && pg_answers; then
		echo "postgres up, process $(pg_pid), port $(setting "$DIR/pg.env" PGPORT)"
	else
		echo "postgres down"
		code=3
	fi
	if nats_is_running; then
		echo "nats up, process $(nats_pid), port $(setting "$DIR/nats.env" NATS_PORT)"
	else
		echo "nats down"
		code=3
	fi
	return $code
}

wipe() {
	pg_down
	nats_down
	if [ -n "$PG_ROOT" ] && [ -d "$PG_ROOT/data" ]; then
		as_owner rm -rf "$PG_ROOT/data" "$PG_ROOT/sock"
		rmdir "$PG_ROOT" 2>/dev/null || true
	fi
	rm -rf "$DIR/pgdata.path" "$DIR/pg.env" "$DIR/nats.env" "$DIR/nats.conf" "$DIR/jetstream" \
		"$DIR/nats-ports" "$DIR/nats.log" "$DIR/initdb.log"
}

if [ $# -lt 2 ] || [ -z "$2" ]; then
	usage
fi
case $1 in
pg-up | nats-up) mkdir -p "$2" ;;
pg-down | nats-down | wipe) [ -d "$2" ] || exit 0 ;;
status)
	if [ ! -d "$2" ]; then
		printf 'postgres down\nnats down\n'
		exit 3
	fi
	;;
*) usage ;;
esac
DIR=$(cd "$2" && pwd -P)
# One at a time for a directory; the servers do not inherit the lock.
exec 9>"$DIR/stack.lock"
flock -w 180 9 || die "another stack.sh works on $DIR"
case $1 in
pg-up) pg_up ;;
pg-down) pg_down ;;
nats-up) nats_up "${3:-}" ;;
nats-down) nats_down ;;
status) status ;;
wipe) wipe ;;
esac
