#!/bin/sh
# What breaks a rule of the contract is refused by file, name and reason. Each bad/*.proto says in its first line which
# message it must cause; bad/good.proto is the twin that keeps every rule.
. "$(dirname "$0")/lib.sh"
DIR=tests/contract/bad

if generate "$WORK/good" -Iproto -I"$DIR" "$DIR/good.proto" &&
	[ "$(find "$WORK/good/contract" -name '*.h' | wc -l)" -eq 3 ]; then
	ok "good.proto is taken"
else
	bad "good.proto is refused: $(cat "$WORK/good/.err")"
fi

for proto in "$DIR"/*.proto; do
	name=$(basename "$proto" .proto)
	[ "$name" = good ] && continue
	expected=$(sed -n '1s|^// expect: ||p' "$proto")
	if [ -z "$expected" ]; then
		bad "$name has no '// expect:' line"
	elif generate "$WORK/$name" -Iproto -I"$DIR" "$proto"; then
		bad "$name is taken"
	elif ! grep -qF "$name.proto: $expected" "$WORK/$name/.err"; then
		bad "$name: expected '$name.proto: $expected', got: $(cat "$WORK/$name/.err")"
	elif [ -e "$WORK/$name/contract" ]; then
		bad "$name is refused but something was written"
	elif [ "$(grep -c "$name.proto: " "$WORK/$name/.err")" -ne 1 ]; then
		bad "$name causes more than one message: $(cat "$WORK/$name/.err")"
	else
		ok "$name: $expected"
	fi
done
finish 53
