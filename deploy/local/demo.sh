#!/bin/sh
# demo.sh: starts the suite under .run/, runs the main job on the dataset DATA, prints the report and leaves the stack up.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
run=$root/.run
OUT=${OUT:-build/gcc}
export OUT PORT
data=${DATA:-data/retail-uk.tar.gz}
[ -e "$data" ] || { echo "demo: there is no $data" >&2; exit 1; }

mkdir -p "$run"
chmod 700 "$run"
# Which data a tenant of ours holds is told by their bytes, wherever they lie.
if [ -d "$data" ]; then
	(cd "$data" && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$run/dataset.sum.new"
else
	sha256sum <"$data" >"$run/dataset.sum.new"
fi
echo "starting PostgreSQL, nats-server, the services and the simulator"
if cmp -s "$run/dataset.sum" "$run/dataset.sum.new" && [ -f "$run/dataset/dataset.json" ]; then
	sh "$here/suite.sh" up "$run"
else
	rm -f "$run/dataset.sum"
	sh "$here/suite.sh" up "$run" "$data"
fi
mv "$run/dataset.sum.new" "$run/dataset.sum"

setting() {
	sed -n "s/^$2=//p" "$run/$1"
}

# The first operator's key is printed once, ever: it is kept where only its owner reads.
if [ ! -s "$run/operator.key" ]; then
	(
		umask 077
		set -a
		. "$run/pid/auth.env"
		set +a
		"$OUT/bin/auth" --bootstrap 2>>"$run/log/bootstrap.log" | grep -o 'ppo_[A-Za-z0-9_-]*' | head -n 1 >"$run/operator.key"
	)
	[ -s "$run/operator.key" ] || { rm -f "$run/operator.key"; echo "demo: auth --bootstrap gave no key, see .run/log/bootstrap.log" >&2; exit 1; }
	echo "made the first platform operator; the key is in .run/operator.key"
fi
(
	umask 077
	echo "postgresql://pp_superview:$(cat "$run/db/pp_superview")@127.0.0.1:$(setting pg.env PGPORT)/pulsepoint" >"$run/superview.url"
	"$OUT/bin/pp-deploy" nats-url "$run" >"$run/nats.url"
)
exec "$OUT/bin/pp-demo" "$run" "http://127.0.0.1:$(setting edge.env EDGE_PORT)" "http://127.0.0.1:$(cat "$run/simulator.port")"
