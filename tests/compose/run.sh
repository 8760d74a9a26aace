#!/bin/sh
# run.sh: the whole suite from docker-compose.yml and the Dockerfile, for real: images are built, containers started, and the main
# job of the demo runs against them over HTTP. Everything it made but the images is removed at the end. Needs docker and
# docker-compose and the right to use them; images.sh makes base images where no registry of images can be reached.
set -eu
cd "$(dirname "$0")/../.."
OUT=${OUT:-build/gcc}
PORT=${PORT:-18080}
export PORT
run=$(mktemp -d)
project=pulsepoint-test-$$
export COMPOSE_PROJECT_NAME=$project COMPOSE_INTERACTIVE_NO_CLI=1

die() {
	echo "compose: $*" >&2
	exit 1
}
compose() {
	docker-compose --env-file deploy/docker/simulator.env --profile simulator "$@"
}
end() {
	code=$?
	[ "$code" -eq 0 ] || compose logs --tail=15 >&2 || true
	compose down -v --remove-orphans >/dev/null 2>&1 || true
	rm -rf "$run"
	exit "$code"
}
if ! docker info >/dev/null 2>&1 || ! command -v docker-compose >/dev/null; then
	echo "compose: not run: docker and docker-compose are needed, and a daemon that answers" >&2
	exit 2
fi
trap end EXIT
trap 'exit 1' INT TERM

compose build >"$run/build.log" 2>&1 || { tail -n 20 "$run/build.log" >&2; die "the images cannot be built"; }
compose up -d >"$run/up.log" 2>&1 || { tail -n 20 "$run/up.log" >&2; die "the suite does not start"; }
n=0
until curl -fsS -m 5 "http://127.0.0.1:$PORT/readyz" >"$run/ready" 2>/dev/null; do
	n=$((n + 1))
	[ "$n" -lt 120 ] || die "not ready after two minutes"
	sleep 1
done
services=0
for d in services/*/main.c; do
	s=$(basename "$(dirname "$d")")
	services=$((services + 1))
	state=$(docker inspect -f '{{.State.Running}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}}' "$(compose ps -q "$s")")
	[ "$state" = "true pulsepoint true" ] || die "$s is \"$state\", not running as its own user on a read-only root"
done
echo "compose: $services services ready, each as its own user on a read-only root"

# The main job, as against any other suite.
umask 077
compose exec -T auth sh /usr/local/bin/pp-run --bootstrap 2>/dev/null | grep -o 'ppo_[A-Za-z0-9_-]*' | head -n 1 >"$run/operator.key"
[ -s "$run/operator.key" ] || die "auth --bootstrap gave no key"
mkdir "$run/unpacked"
tar -xzf data/retail-uk.tar.gz -C "$run/unpacked" --no-same-owner
mv "$(dirname "$(find "$run/unpacked" -name dataset.json | head -n 1)")" "$run/dataset"
sha256sum <data/retail-uk.tar.gz >"$run/dataset.sum"
timeout 300 "$OUT/bin/pp-demo" "$run" "http://127.0.0.1:$PORT" http://127.0.0.1:8400 http://simulator:8400 >"$run/demo.out" ||
	{ tail -n 20 "$run/demo.out" >&2; die "the main job failed"; }
grep -q '7212' "$run/demo.out" || die "the report does not show 7212 orders"
grep -q 'numbers that could not be traced: 0' "$run/demo.out" || die "the answer is not traced"
grep -q 'signature good' "$run/demo.out" || die "no signed webhook arrived"
grep -E '^  (orders|net|cost|delay|model) ' "$run/demo.out"
echo "compose: passed"
