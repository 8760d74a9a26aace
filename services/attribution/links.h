/*
 * The distinct links of a batch, numbered: thousands of touches come from a few links, and only
 * links are looked up. Pure. Read next: kinds.c, which finds out what each of them means.
 */
#ifndef ATTRIBUTION_LINKS_H
#define ATTRIBUTION_LINKS_H

#include "channel.h"

#include "core/arena.h"
#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes kept of each text; together they fit PostgreSQL's index row of 2,704 bytes. Longer text is
 * cut at a character. */
#define LINK_SOURCE_MAX   255
#define LINK_TYPE_MAX     64
#define LINK_MEDIUM_MAX   255
#define LINK_CAMPAIGN_MAX 1024

struct links {
	struct arena *arena;
	struct link *rows;
	uint32_t *slots; /* 1 + index into rows; 0 is free */
	size_t n, cap;
};

void links_init(struct links *set, struct arena *a);
/* The number of the link, from 0; its texts are cut and copied when it is new. ST_TOO_LARGE when
 * the arena is full. */
enum status links_add(struct links *set, const struct link *l, size_t *ret) MUST_USE;

/* A campaign's name as a link could carry it: cut like one. Points into `name` or the arena. */
const char *link_campaign_text(struct arena *a, const char *name);

#endif
