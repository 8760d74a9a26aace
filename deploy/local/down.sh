#!/bin/sh
# down.sh: ends what `make demo` started. Data stay in .run/ until it is removed.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
run=$(cd "$here/../.." && pwd -P)/.run
[ -d "$run" ] || { echo "nothing is running"; exit 0; }
sh "$here/suite.sh" down "$run"
echo "stopped; the data are kept in .run (remove the folder to start over)"
