#!/bin/sh
# A wrong pairing does not compile. Each negative/*.c is compiled twice: as it is, which must succeed, and with -DWRONG,
# which changes one name and must fail for the reason in its first line.
. "$(dirname "$0")/lib.sh"
FLAGS="-std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE -Ilibs -Ibuild/gen -c -o $WORK/out.o"
for cc in gcc clang; do
	command -v "$cc" > /dev/null || continue
	for c in tests/contract/negative/*.c; do
		name="$cc $(basename "$c" .c)"
		reason=$(sed -n '1s|^// expect: ||p' "$c")
		# shellcheck disable=SC2086
		if [ -z "$reason" ]; then
			bad "$name has no '// expect:' line"
		elif ! $cc $FLAGS "$c" 2> "$WORK/err"; then
			bad "$name: the right pairing does not compile: $(cat "$WORK/err")"
		elif $cc $FLAGS -DWRONG "$c" 2> "$WORK/err"; then
			bad "$name: the wrong pairing compiles"
		elif ! grep -qE "$reason" "$WORK/err"; then
			bad "$name fails for another reason: $(cat "$WORK/err")"
		else
			ok "$name"
		fi
	done
done
finish 10
