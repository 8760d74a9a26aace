#!/bin/sh
# fresh.sh: make demo, make down and make test of the committed tree in a fresh Debian 12, as an ordinary user with sudo and a closed home. Needs root (or sudo without a password) and some 6 GB; takes
# half an hour or more. FRESH_DIR says where (/var/tmp); FRESH_STEPS which of "demo test" (both).
#
# The Debian is made by debootstrap from the mirror that this machine's own apt uses. Everything runs in a mount and process namespace of its own: when it ends, however it ends, the kernel unmounts and kills.
set -eu
cd "$(dirname "$0")/.."
SETUP_LIMIT=1200 # seconds
DEMO_LIMIT=2400
TEST_LIMIT_ALL=7200
RELEASE=bookworm

die() {
	echo "fresh: $*" >&2
	exit 1
}
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null && sudo -n true 2>/dev/null || die "needs root: it makes a chroot"
	exec sudo -n FRESH_DIR="${FRESH_DIR:-}" FRESH_STEPS="${FRESH_STEPS:-}" sh tests/fresh.sh
fi
command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null ||
	die "debootstrap is not installed"
[ -z "$(git status --porcelain 2>/dev/null)" ] || echo "fresh: note: what is not committed is not tried"

# Repositories of Debian 12 that this machine uses, as "URI suite component" lines.
sources=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
	awk -v r="$RELEASE" '$4 == "Debian" && ($2 == r || index($2, r "-") == 1) { print $1, $2, $3 }' | sort -u)
mirror=$(echo "$sources" | awk -v r="$RELEASE" '$2 == r { print $1; exit }')
[ -n "$mirror" ] || die "apt of this machine knows no repository of $RELEASE (run apt-get update first)"

work=$(mktemp -d "${FRESH_DIR:-/var/tmp}/pp-fresh.XXXXXX")
chmod 755 "$work"
cleanup() {
	# Nothing is mounted here: the namespace's mounts went with it.
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
root=$work/root

echo "fresh: Debian $RELEASE"
timeout "$SETUP_LIMIT" debootstrap --variant=minbase --include=git,make,sudo,ca-certificates "$RELEASE" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
	{ tail -n 20 "$work/debootstrap.log" >&2; die "debootstrap failed"; }
echo "$sources" | sed 's/^/deb /' >"$root/etc/apt/sources.list"
apt-config dump | grep -iE '^Acquire::(http|https)::[^ ]*proxy' >"$root/etc/apt/apt.conf.d/99host" || true
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
chroot "$root" useradd --create-home --shell /bin/sh tester
chmod 700 "$root/home/tester"
echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/tester"
commit=$(git rev-parse --short HEAD)
git clone --quiet --no-hardlinks . "$root/home/tester/pulsepoint"
chroot "$root" chown -R tester:tester /home/tester/pulsepoint

# What runs inside, as the first process of its namespace.
cat >"$work/inside.sh" <<'INSIDE'
set -eu
root=$1
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
as_tester() {
	limit=$1
	shift
	timeout -k 30 "$limit" chroot "$root" runuser -u tester -- env -i HOME=/home/tester USER=tester LOGNAME=tester LANG=C.UTF-8 \
		PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin sh -c "cd /home/tester/pulsepoint && $*" </dev/null
}
INSIDE
cat >"$work/demo.sh" <<'DEMO'
. "$2/inside.sh"
as_tester "$3" 'make demo PORT=0'
as_tester 60 'test "$(stat -c %a .run/demo.json)" = 600 && curl -fsS -m 10 "$(sed "s/.*\"base_url\":\"\([^\"]*\)\".*/\1/" .run/demo.json)/readyz" && echo'
as_tester 120 'make down'
as_tester 60 '! pgrep -f "[/]home/tester/pulsepoint/build"'
DEMO
cat >"$work/test.sh" <<'TEST'
. "$2/inside.sh"
as_tester "$3" 'make test'
TEST
run() {
	echo "fresh: make $1 as an ordinary user, home closed"
	start=$(date +%s)
	unshare --mount --pid --fork --kill-child --propagation private sh "$work/$1.sh" "$root" "$work" "$2" || die "make $1 failed after $(($(date +%s) - start)) s"
	results="$results make $1 passed in $(($(date +%s) - start)) s;"
}
results=
for step in ${FRESH_STEPS:-demo test}; do
	case $step in
	demo) run demo "$DEMO_LIMIT" ;;
	test) run test "$TEST_LIMIT_ALL" ;;
	*) die "unknown step $step" ;;
	esac
done
echo "fresh:$results commit $commit, $(du -sm "$root" | cut -f1) MB"
