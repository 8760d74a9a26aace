#!/bin/sh
# build.sh FUZZ.c BINARY: compiles one fuzz target with clang's libFuzzer and the libraries' sources.
set -eu
cd "$(dirname "$0")/../.."
name=$(basename "$1" .c)
mkdir -p "tests/fuzz/corpus/$name"
gen=build/gen
case $name in
fuzz_numbers)
	# What reads an answer's text stands alone, too.
	ai=services/ai-insights
	sources="$(find $ai -maxdepth 1 -name "numbers*.c" -o -maxdepth 1 -name "trace*.c") $ai/evidence.c $ai/calculate_decimal.c $(find libs/core -maxdepth 1 -name "*.c" ! -name contract.c)"
	include="-I$ai"
	;;
fuzz_sse)
	# The client of the Messages API without the service around it.
	ai=services/ai-insights
	sources="$(find $ai -maxdepth 1 -name "model*.c") $ai/conversation.c $ai/usage.c libs/http/*.c libs/json/guard.c libs/json/path.c $(find libs/core -maxdepth 1 -name "*.c" ! -name contract.c)"
	include="-I$ai"
	;;
fuzz_graphql | fuzz_csv | fuzz_gaql)
	# The simulator's parsers stand alone.
	sources="$(find tools/simulator -maxdepth 1 -name "*.c" ! -name main.c) libs/json/guard.c libs/json/path.c $(find libs/core -maxdepth 1 -name "*.c" ! -name contract.c)"
	include="-Itools/simulator"
	;;
*)
	sources="libs/core/*.c libs/json/*.c libs/access/*.c $(find $gen -name '*.pb-c.c' ! -path '*/compiler/*') $gen/contract/tables.c"
	include=
	;;
esac
# shellcheck disable=SC2086 # lists of words
clang -std=gnu17 -g -O1 -w -D_GNU_SOURCE -Ilibs -I$gen $include -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined -o "$2" "$1" $sources \
	-lnats -lprotobuf-c -lpq -lcurl -lcivetweb -lcjson -ljwt -lsodium -lssl -lcrypto -lz -lpthread -lm
