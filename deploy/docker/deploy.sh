#!/bin/sh
# deploy.sh: the deploy step in containers. Every command may be repeated.
#
#   keys     makes the secrets that are missing: of the suite (/deploy/keys), of PostgreSQL's administrator (/deploy/admin),
#            of each service (/deploy/service/<name>, the folder that only its container gets), and nats-server's configuration (/deploy/nats)
#   deploy   database, roles, schemas; streams and consumers; migrations of every service
#
# PGHOST, PGPORT and NATS_URL say where the servers are.
set -eu
umask 077
keys=/deploy/keys
services() {
	for d in /deploy/service/*/; do
		basename "$d"
	done
}

# Replaces file $1 by what comes on stdin, whole or not at all.
write_file() {
	cat >"$1.new"
	mv "$1.new" "$1"
}

make_keys() {
	printf 'PGHOST=%s\nPGPORT=%s\n' "$PGHOST" "${PGPORT:-5432}" | write_file "$keys/pg.env"
	printf 'NATS_URL=%s\n' "$NATS_URL" | write_file "$keys/nats.env"
	pp-deploy keys "$keys"
	[ -s /deploy/admin/password ] || od -An -tx1 -N24 /dev/urandom | tr -d ' \n' | write_file /deploy/admin/password
	for s in $(services); do
		# The owner's password is for migrations, which run here.
		pp-deploy env "$keys" "$s" | grep -v '^PP_DB_OWNER=' |
			sed "s#$keys/nats/#/run/pulsepoint/#; s#$keys/seal/#/run/pulsepoint/#" | write_file "/deploy/service/$s/env"
		write_file "/deploy/service/$s/$s.seed" <"$keys/nats/$s.seed"
		write_file "/deploy/service/$s/$s.key" <"$keys/seal/$s.key"
	done
	# The one secret that we do not make ourselves.
	if [ -n "${AI_KEY:-}" ]; then
		printf "%s\n" "$AI_KEY" | write_file /deploy/service/ai-insights/ai.key
		echo PP_AI_KEY_FILE=/run/pulsepoint/ai.key >>/deploy/service/ai-insights/env
	fi
	# It holds the password of the observer.
	pp-deploy nats-conf --listen 0.0.0.0 "$keys" /data/jetstream 4222 | write_file /deploy/nats/nats.conf
}

deploy() {
	pp-deploy roles "$keys" "host=$PGHOST port=${PGPORT:-5432} user=postgres dbname=postgres password=$(cat /deploy/admin/password)"
	pp-deploy streams "$keys"
	for s in $(services); do
		# The edge owns no table.
		[ "$s" != api-edge ] || continue
		(
			pp-deploy env "$keys" "$s" | write_file "$keys/$s.env"
			set -a
			. "$keys/$s.env"
			set +a
			exec "$s" --migrate
		)
		rm -f "$keys/$s.env"
	done
}

case ${1:-} in
keys) make_keys ;;
deploy) deploy ;;
*)
	sed -n '4,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
