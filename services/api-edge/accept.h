/* Which of its two faces a streamed answer shows, by the client's Accept header (RFC 9110, 12.5.1).
 * Read next: stream.c. */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>

enum face {
	FACE_NONE,   /* the client takes neither: 406 */
	FACE_EVENTS, /* text/event-stream */
	FACE_WHOLE,  /* the whole answer as application/json */
};
/*
 * `accept` NULL or empty: anything is taken. A method with a whole answer shows events only to who
 * names them (text/event-stream, with no lower weight than JSON); others show events to who does
 * not exclude them. Parts of the header that cannot be read are passed over.
 */
enum face accept_face(const char *accept, bool has_whole);

#endif
