#!/bin/sh
# check-source.sh: rules that need no compiler: format, layers, banned calls, lengths, texts that must not be here. Every fault is printed; the exit code tells.
set -eu
cd "$(dirname "$0")/.."
faults=0
fault() {
	echo "$*"
	faults=$((faults + 1))
}
files=$(git ls-files -co --exclude-standard '*.c' '*.h')

# ---- format ----
if command -v clang-format >/dev/null; then
	for f in $files; do
		clang-format --dry-run -Werror "$f" >/dev/null 2>&1 || fault "$f: not formatted (clang-format -i)"
	done
else
	fault "clang-format is not installed"
fi

# ---- layers: core <- {db, bus, http, json, access} <- svc <- ingest; testkit may use all ----
allowed() {
	case $1 in
	core) echo "core" ;;
	db | bus | http | json | access) echo "core $1" ;;
	svc) echo "core db bus http json access svc" ;;
	ingest) echo "core db bus http json access svc ingest" ;;
	testkit) echo "core db bus http json access svc ingest testkit" ;;
	*) echo "$1" ;;
	esac
}
for lib in libs/*/; do
	name=$(basename "$lib")
	ok=$(allowed "$name")
	for f in $(git ls-files -co --exclude-standard "$lib*.c" "$lib*.h"); do
		case $f in */test/*) continue ;; esac
		for inc in $(sed -n 's|^#include "\([a-z]*\)/[a-z_]*\.h".*|\1|p' "$f" | sort -u); do
			case $inc in contract | pulsepoint | auth | google) continue ;; esac
			case " $ok " in *" $inc "*) ;; *) fault "$f: $name may not include $inc/" ;; esac
		done
	done
done
# A service reaches no other service; private headers stay in their library.
for f in $(git ls-files -co --exclude-standard 'services/*.c' 'services/*.h' 'libs/*.c' 'libs/*.h' 'tools/*.c' 'tools/*.h'); do
	! grep -nE '#include "(\.\./|services/|tools/)' "$f" || fault "$f: reaches out of its folder"
	for priv in $(sed -n 's|^#include "\([a-z]*/[a-z_]*_priv\.h\)".*|\1|p' "$f"); do
		case $f in libs/"${priv%%/*}"/*) ;; *) fault "$f: $priv is private to libs/${priv%%/*}" ;; esac
	done
done
# protobuf stops in handlers and consumers; SQL stops in the stores.
for f in $(git ls-files -co --exclude-standard 'services/*.c' | grep -v /test/ | grep -v '^services/api-edge/'); do
	base=$(basename "$f" .c)
	case $base in
	handlers* | consumers* | emit* | main) ;;
	*) ! grep -nE '#include "(contract/|[a-z]+/v1/|pulsepoint/)' "$f" || fault "$f: protobuf belongs in handlers, consumers and emitters" ;;
	esac
	case $base in
	store* | main) ;;
	google) ;; # its SELECTs are GAQL, Google's language
	*) ! grep -nE '"(SELECT|INSERT INTO|UPDATE|DELETE FROM) ' "$f" || fault "$f: SQL belongs in the stores" ;;
	esac
done

# ---- banned calls; /* allowed: why */ on the line lets a call through ----
for f in $files; do
	! grep -nE '(^|[^_a-zA-Z0-9.>])(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|rand|system|popen|tmpnam)\(' "$f" |
		grep -v 'allowed:' || fault "$f: a banned call"
done
# Money's micros are added by money.c's checked functions or by SQL, never as floats.
for f in $(echo "$files" | grep -E '^(libs|services)/' | grep -v /test/); do
	! grep -nE '(^|[^_a-z])(double|float) +\**[a-z_]+ *[][;=,)]' "$f" | grep -v 'allowed:' || fault "$f: a float (say why with /* allowed: */)"
done

# ---- lengths: functions of at most 60 lines, files of at most 600; a table or parser says so in its first ten lines with "long: why" ----
for f in $(echo "$files" | grep -v '^tests/'); do
	head -n 10 "$f" | grep -q 'long:' && continue
	[ "$(wc -l <"$f")" -le 600 ] || fault "$f: more than 600 lines"
	awk -v f="$f" '/^\{/ { s = NR } /^\}/ { if (s && NR - s > 61) { print f ":" s ": a function of " NR - s - 1 " lines"; bad = 1 } s = 0 } END { exit bad }' "$f" ||
		faults=$((faults + 1))
done

# ---- what must not be written here ----
all=$(git ls-files -co --exclude-standard | grep -vE '^data/|\.tar\.gz$|^tools/check-source\.sh$')
for f in $all; do
	[ -f "$f" ] || continue
	! grep -nIE '/(work|root|farm)/|registry\.npmjs|deb\.debian\.org/debian ' "$f" | grep -v 'allowed:' || fault "$f: a path of one machine or a registry's host"
	! grep -nIE '(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)' "$f" | grep -v 'mktemp\|XXXXXX\|STATUS_LIST' || fault "$f: unfinished work"
done
for f in $(git ls-files -co --exclude-standard '*.sh') .ci/run; do
	[ -f "$f" ] || continue
	! command -v shellcheck >/dev/null || shellcheck -S warning -e SC1090,SC1091 "$f" || fault "$f: shellcheck"
done
# Every setting that a program reads is described in a README or a doc.
for v in $(grep -rhoE '"PP_[A-Z_]+"' services/*/config.c services/*/main.c libs/svc/svc.c 2>/dev/null | tr -d '"' | sort -u); do
	grep -rq "$v" services/*/README.md docs README.md 2>/dev/null || fault "$v is read but described nowhere"
done

if [ "$faults" -eq 0 ]; then
	echo "check-source: $(echo "$files" | wc -l) C files, no fault"
else
	echo "check-source: $faults faults"
	exit 1
fi
