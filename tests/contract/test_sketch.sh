#!/bin/sh
# The sketches of services to come fit the contract: the generator takes them together with the services that exist, what
# it writes compiles, and none of their routes is in the contract that is served.
. "$(dirname "$0")/lib.sh"
GEN=$WORK/gen
PROTOS="$(ls proto/pulsepoint/*.proto proto/*/v1/*.proto proto/sketch/*/v1/*.proto)"

# shellcheck disable=SC2086
if generate "$GEN" -Iproto/sketch -Iproto $PROTOS; then
	ok "the generator takes the sketches"
else
	bad "the sketches are refused: $(cat "$GEN/.err")"
fi
# shellcheck disable=SC2086
protoc-c -Iproto/sketch -Iproto -I/usr/include --c_out="$GEN" $PROTOS \
	/usr/include/google/protobuf/descriptor.proto || bad "protoc-c refuses the sketches"
for c in contract/tables.c contract/openapi.c insights/v1/insights.pb-c.c billing/v1/billing.pb-c.c \
	observability/v1/observability.pb-c.c; do
	if gcc -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE -Ilibs -I"$GEN" -c -o "$WORK/out.o" "$GEN/$c"; then
		ok "$c compiles"
	else
		bad "$c does not compile"
	fi
done
for line in 'route POST /api/brands/{brand_id}/ask 200 ai-insights.Ask' \
	'route GET /api/questions 200 ai-insights.ListQuestions' \
	'route POST /api/questions/{question_id}/feedback 201 ai-insights.GiveFeedback' \
	'subject pp.rpc.token-billing.reserve' 'subject pp.rpc.token-billing.settle' \
	'route GET /api/admin/usage 200 token-billing.GetUsage' \
	'route GET /api/admin/budgets 200 token-billing.ListBudgets' \
	'route PUT /api/admin/budgets 200 token-billing.PutBudget' \
	'route GET /api/admin/events 200 observability.ListEvents' \
	'route GET /api/admin/latency 200 observability.GetLatency' \
	'route GET /api/admin/alert-rules 200 observability.ListAlertRules' \
	'route POST /api/admin/alert-rules 201 observability.CreateAlertRule' \
	'route PATCH /api/admin/alert-rules 200 observability.UpdateAlertRule' \
	'route GET /api/alerts 200 observability.ListAlerts'; do
	if ! grep -qxF "$line" "$GEN/contract/listing.txt"; then
		bad "the sketches do not hold: $line"
	elif grep -qxF "$line" build/gen/contract/listing.txt; then
		bad "served, but no service answers: $line"
	else
		ok "$line"
	fi
done
if grep -q 'text/event-stream' "$GEN/openapi.json" &&
	grep -q 'struct call_stream \*out' "$GEN/contract/ai_insights.h"; then
	ok "the ask is a stream in OpenAPI and in C"
else
	bad "the ask is no stream"
fi
finish 21
