#!/bin/sh
# deps.sh [PACKAGE...]: installs the Debian packages that building, running and testing need; without the right to install, lists them and stops.
set -eu

PACKAGES="gcc make libc6-dev git pkg-config tzdata ca-certificates procps
protobuf-compiler libprotoc-dev protobuf-c-compiler libprotobuf-c-dev
libnats-dev libpq-dev libcurl4-openssl-dev libcivetweb-dev libcjson-dev libjwt-dev
libcmocka-dev libsodium-dev libssl-dev zlib1g-dev
postgresql-15 postgresql-client-15 nats-server
clang libclang-rt-14-dev wrk curl $*"

missing() {
	for p in $PACKAGES; do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$p"
	done
}

need=$(missing)
[ -n "$need" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root() { "$@"; }
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root() { sudo -n "$@"; }
elif command -v sudo >/dev/null && [ -t 0 ] && sudo true; then
	as_root() { sudo "$@"; }
else
	echo "These Debian packages are missing, and you have no right to install them:" >&2
	echo "  $need" >&2
	echo "Ask an administrator to run: apt-get install --no-install-recommends $need" >&2
	exit 1
fi
echo "installing: $need"
as_root apt-get update -qq
# The packaged PostgreSQL must not start a cluster of its own: we use one of ours.
if ! dpkg-query -W -f='${Status}' postgresql-common 2>/dev/null | grep -q 'ok installed'; then
	as_root mkdir -p /etc/postgresql-common
	[ -f /etc/postgresql-common/createcluster.conf ] ||
		echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
# shellcheck disable=SC2086 # a list of words
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null
need=$(missing)
[ -z "$need" ] || { echo "still missing: $need" >&2; exit 1; }
