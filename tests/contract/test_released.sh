#!/bin/sh
# Inside a version the contract only grows: every line of the last release is still there. The rule itself is tried on
# changed copies of the protos: what breaks callers is found, what adds is not.
. "$(dirname "$0")/lib.sh"
LC_ALL=C
export LC_ALL
RELEASED=tests/contract/released.txt

# missing RELEASED LISTING: the released lines that are gone.
missing() {
	grep -v '^#' "$1" | sort > "$WORK/released"
	sort "$2" > "$WORK/now"
	comm -23 "$WORK/released" "$WORK/now"
}

# listing NAME FILE SCRIPT: the listing of the protos with FILE changed by the sed script, in $WORK/NAME.
listing() {
	mkdir -p "$WORK/$1"
	cp -r proto "$WORK/$1/proto"
	sed "$3" "proto/$2" > "$WORK/$1/proto/$2"
	if cmp -s "proto/$2" "$WORK/$1/proto/$2"; then
		bad "$1: the change does not change $2"
		return 1
	fi
	generate "$WORK/$1" "-I$WORK/$1/proto" "$WORK/$1"/proto/pulsepoint/*.proto \
		"$WORK/$1"/proto/*/v1/*.proto && return 0
	bad "$1: $(cat "$WORK/$1/.err")"
	return 1
}
# breaks NAME FILE SCRIPT LINE: the change is found, and what is missing includes LINE.
breaks() {
	listing "$1" "$2" "$3" || return
	if missing "$WORK/base/contract/listing.txt" "$WORK/$1/contract/listing.txt" | grep -qxF "$4"; then
		ok "found: $1"
	else
		bad "not found: $1"
	fi
}
# adds NAME FILE SCRIPT: the change is no break.
adds() {
	listing "$1" "$2" "$3" || return
	if [ -z "$(missing "$WORK/base/contract/listing.txt" "$WORK/$1/contract/listing.txt")" ]; then
		ok "allowed: $1"
	else
		bad "not allowed: $1"
	fi
}

generate "$WORK/base" -Iproto proto/pulsepoint/*.proto proto/*/v1/*.proto ||
	bad "the protos are refused: $(cat "$WORK/base/.err")"
lines=$(grep -vc '^#' "$RELEASED")
gone=$(missing "$RELEASED" "$WORK/base/contract/listing.txt")
if [ "$lines" -lt 500 ]; then
	bad "$RELEASED holds only $lines lines"
elif [ -z "$gone" ]; then
	ok "all $lines released lines are there"
else
	bad "released, and gone:"
	echo "$gone"
fi

AUTH=auth/v1/auth.proto
breaks "a field removed" $AUTH '/^  string domain = 3;$/d' 'field auth.v1.Brand.domain 3 string'
breaks "a field renamed" $AUTH 's/^  string domain = 3;$/  string host = 3;/' 'field auth.v1.Brand.domain 3 string'
breaks "a field renumbered" $AUTH 's/^  string domain = 3;$/  string domain = 9;/' 'field auth.v1.Brand.domain 3 string'
breaks "a field retyped" $AUTH 's/^  string domain = 3;$/  bytes domain = 3;/' 'field auth.v1.Brand.domain 3 string'
breaks "a field made a list" $AUTH 's/^  string domain = 3;$/  repeated string domain = 3;/' 'field auth.v1.Brand.domain 3 string'
breaks "a field made required" $AUTH '/^message ListBrandsRequest/,/^}/s/= { max_len: 200 }/= { required: true max_len: 200 }/' 'optional auth.v1.ListBrandsRequest.q'
breaks "a method removed" $AUTH '/^  rpc Jwks(/,/^  }/d' 'method auth.Jwks pulsepoint.Empty auth.v1.JwksReply'
breaks "a method renamed" $AUTH 's/rpc Jwks(/rpc Keys(/' 'subject pp.rpc.auth.jwks'
breaks "a route moved" $AUTH 's|/.well-known/jwks.json|/api/jwks.json|' 'route GET /.well-known/jwks.json 200 auth.Jwks'
breaks "a status changed" $AUTH 's|path: "/api/brands" status: 201|path: "/api/brands"|' 'route POST /api/brands 201 auth.CreateBrand'
breaks "an enum value removed" $AUTH '/TIER_UNLIMITED = 3/d' 'value auth.v1.Tier.TIER_UNLIMITED 3'
breaks "an enum value renumbered" $AUTH 's/TIER_UNLIMITED = 3/TIER_UNLIMITED = 7/' 'value auth.v1.Tier.TIER_UNLIMITED 3'
breaks "an event renamed" $AUTH 's/entity: "user" action: "changed"/entity: "user" action: "altered"/' 'event auth.user.changed auth.v1.UserChanged'
adds "a field" $AUTH 's/^  string domain = 3;$/&  string note = 30;/'
adds "an enum value" $AUTH 's/^  TIER_UNLIMITED = 3;/&  TIER_TRIAL = 4;/'
adds "a method" $AUTH 's/^  \/\/ One brand\.$/  rpc Ping(pulsepoint.Empty) returns (pulsepoint.Empty) {\n    option (pulsepoint.rule) = { http: { method: "GET" path: "\/api\/ping" } role: ROLE_VIEWER };\n  }\n&/'
adds "a required field made optional" $AUTH '/^message BrandRequest/,/^}/s/required: true format/format/'
adds "a comment" $AUTH 's|// One brand\.|// One brand of the tenant.|'
finish 19
