#!/bin/sh
# make-migration.sh: prints services/token-billing/migrations/0002_prices.sql from the facts beside it. Rates are decimal texts and become
# nano-dollars per million tokens (the text times 10^15) by moving the point; nothing is computed in floating point.
set -eu
cd "$(dirname "$0")"
cat <<'END'
-- Published prices by model and kind of token, from data/llm-prices (its README has source and licence). Made by
-- data/llm-prices/make-migration.sh; later prices come by `token-billing --load-prices`, never by a change here.
INSERT INTO prices (provider, model, kind, effective_from, nano_usd_per_mtok, source)
SELECT CASE WHEN v.model LIKE 'claude%' THEN 'anthropic' WHEN v.model LIKE 'gemini%' THEN 'google' ELSE 'openai' END,
	v.model, v.kind, v.seen::timestamptz, v.rate, 'data/llm-prices'
FROM (VALUES
END
awk -F, -v q="'" '
# The decimal text times 10^15; dies when that is no whole number.
function nano(text,   m, e, p, digits) {
	m = text; e = 0
	if (match(text, /[eE]/)) { m = substr(text, 1, RSTART - 1); e = substr(text, RSTART + 1) + 0 }
	p = index(m, ".")
	digits = m
	if (p > 0) { digits = substr(m, 1, p - 1) substr(m, p + 1); e -= length(m) - p }
	e += 15
	while (e < 0 && digits ~ /0$/) { sub(/0$/, "", digits); e++ }
	if (digits !~ /^[0-9]+$/ || e < 0) { print FILENAME ": " FNR ": " text " is finer than a nano-dollar per million tokens" > "/dev/stderr"; exit 1 }
	while (e-- > 0) digits = digits "0"
	sub(/^0+/, "", digits)
	return digits == "" ? "0" : digits
}
# `text` empty: nothing is said; "unknown": from then on nobody knows.
function put(model, kind, seen, text) {
	if (text == "") return
	printf "%s\t(%s, %s, %s, %s::bigint)", sep, q model q, q kind q, q seen q, text == "unknown" ? "NULL" : nano(text)
	sep = ",\n"
}
{ sub(/\r$/, "") }
FNR == 1 { next }
# 0 in both directions: the list does not know the price; nobody gives a model away.
FILENAME ~ /history|later/ && $5 != "" && $5 + 0 == 0 && $6 != "" && $6 + 0 == 0 {
	for (i = 5; i <= 9; i++)
		if ($i != "") $i = "unknown"
}
FILENAME ~ /history|later/ {
	put($3, "input", $1, $5); put($3, "output", $1, $6); put($3, "cache_write_5m", $1, $7); put($3, "cache_read", $1, $8)
	if (NF > 8) put($3, "cache_write_1h", $1, $9)
	if (FILENAME ~ /history/) since[$3] = $1
	next
}
# What a snapshot says of the hour holds since the last recorded change of its model.
($1 in since) { put($1, "cache_write_1h", since[$1], $2) }
END { print "" }' price_history.csv later.csv cache_write_1h.csv
echo ') AS v (model, kind, seen, rate);'
