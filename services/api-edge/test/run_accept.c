/* Which face of a stream an Accept header asks for. */
#include "accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct ask {
	const char *accept;
	enum face with_whole, events_only;
};

static const struct ask asks[] = {
	{ NULL, FACE_WHOLE, FACE_EVENTS },
	{ "", FACE_WHOLE, FACE_EVENTS },
	{ "  ", FACE_WHOLE, FACE_EVENTS },
	{ "*/*", FACE_WHOLE, FACE_EVENTS },
	{ "text/*", FACE_EVENTS, FACE_EVENTS },
	{ "application/*", FACE_WHOLE, FACE_NONE },
	{ "application/json", FACE_WHOLE, FACE_NONE },
	{ "text/event-stream", FACE_EVENTS, FACE_EVENTS },
	{ "TEXT/Event-Stream;charset=utf-8", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-streams", FACE_NONE, FACE_NONE },
	{ "text/event", FACE_NONE, FACE_NONE },
	{ "text", FACE_NONE, FACE_NONE },
	{ "*", FACE_NONE, FACE_NONE },
	{ "text/html, image/png", FACE_NONE, FACE_NONE },
	/* Both are taken: events for who names them, unless JSON is wanted more. */
	{ "application/json, text/event-stream", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream, */*", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;q=0.5, application/json;q=0.4", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;q=0.5, application/json;q=0.501", FACE_WHOLE, FACE_EVENTS },
	{ "text/event-stream;q=0.5, application/json", FACE_WHOLE, FACE_EVENTS },
	{ "text/*, application/json", FACE_WHOLE, FACE_EVENTS },
	/* The most precise range decides, wherever it stands. */
	{ "text/event-stream;q=0, */*", FACE_WHOLE, FACE_NONE },
	{ "*/*, text/event-stream ; q=0.000", FACE_WHOLE, FACE_NONE },
	{ "application/json;q=0, */*;q=0.1", FACE_EVENTS, FACE_EVENTS },
	{ "text/*;q=0, text/event-stream;q=0.001", FACE_EVENTS, FACE_EVENTS },
	{ "*/*;q=0", FACE_NONE, FACE_NONE },
	{ "application/json;q=0,text/event-stream;q=0", FACE_NONE, FACE_NONE },
	/* What cannot be read is passed over. */
	{ ",,;q=, text/event-stream", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;q=x", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;q=1.5", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;q", FACE_EVENTS, FACE_EVENTS },
	{ "text/event-stream;level=1;q=0", FACE_NONE, FACE_NONE },
};

static void the_header_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		const struct ask *a = &asks[i];

		if (accept_face(a->accept, true) != a->with_whole ||
		    accept_face(a->accept, false) != a->events_only)
			fail_msg("\"%s\": %d and %d", a->accept, accept_face(a->accept, true),
				 accept_face(a->accept, false));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_decides),
	};

	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
