#!/bin/sh
# run.sh: starts the service of this image with the settings that the deploy step left for it; arguments go to the service (--check, --bootstrap, ...).
set -eu
env_file=${SETTINGS_FILE:-/run/pulsepoint/env}
[ -r "$env_file" ] || { echo "pp-run: $env_file cannot be read: has the deploy step run?" >&2; exit 1; }
set -a
. "$env_file"
set +a
exec /usr/local/bin/service "$@"
