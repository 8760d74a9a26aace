#!/bin/sh
# images.sh: stand-ins for the public images that docker-compose.yml and the Dockerfile name, made of Debian's packages, for
# machines that reach no registry of images. An image that is there already is left alone.
#
#   debian:bookworm-slim   debootstrap, minimal variant
#   postgres:15            Debian's PostgreSQL 15; POSTGRES_PASSWORD_FILE as in the public image
#   nats:2.9-alpine        Debian's nats-server 2.9, with wget for its health check
#
# DEBIAN_MIRROR is the mirror that debootstrap asks.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
have() {
	docker image inspect "$1" >/dev/null 2>&1
}

if ! have debian:bookworm-slim; then
	timeout 900 debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1 ||
		{ tail -n 5 "$work/log" >&2; exit 1; }
	tar -C "$work/root" -c . | docker import - debian:bookworm-slim >/dev/null
fi

if ! have postgres:15; then
	mkdir "$work/postgres"
	cat >"$work/postgres/entry.sh" <<'END'
#!/bin/sh
set -eu
data=/var/lib/postgresql/data
install -d -o postgres -g postgres -m 0700 "$data"
cp "$POSTGRES_PASSWORD_FILE" /tmp/password
chown postgres /tmp/password
if [ ! -s "$data/PG_VERSION" ]; then
	su postgres -c "/usr/lib/postgresql/15/bin/initdb -D $data --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password -E UTF8 --locale=C.UTF-8" >/dev/null
	echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
fi
rm -f /tmp/password
shift
exec setpriv --reuid=postgres --regid=postgres --init-groups /usr/lib/postgresql/15/bin/postgres -D "$data" -c listen_addresses='*' "$@"
END
	cat >"$work/postgres/Dockerfile" <<'END'
FROM debian:bookworm-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/*
COPY entry.sh /entry.sh
ENTRYPOINT ["sh", "/entry.sh"]
CMD ["postgres"]
END
	docker build -q -t postgres:15 "$work/postgres" >/dev/null
fi

if ! have nats:2.9-alpine; then
	mkdir "$work/nats"
	cat >"$work/nats/Dockerfile" <<'END'
FROM debian:bookworm-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nats-server wget && rm -rf /var/lib/apt/lists/*
END
	docker build -q -t nats:2.9-alpine "$work/nats" >/dev/null
fi
