/* What the files of the TikTok simulator share. Read next: tiktok.c. */
#ifndef SIM_TIKTOK_H
#define SIM_TIKTOK_H

#include "ads.h"
#include "sim.h"

#define TIKTOK_LIST_MAX          100
#define TIKTOK_DAYS_MAX          30  /* of a report by day */
#define TIKTOK_TOTAL_DAYS_MAX    365 /* of a report without days */
#define TIKTOK_PAGE_SIZE_DEFAULT 10
#define TIKTOK_PAGE_SIZE_MAX     1000

/* Answers the envelope with an error code and empty data. */
void tiktok_error(struct exchange *ex, int code, const char *message);
/* Begins the envelope of a good answer: the caller writes the data and the last brace. */
void tiktok_open(struct exchange *ex);
/* A parameter that is a JSON array of strings; false with the error answered. */
bool tiktok_list_param(struct exchange *ex, const char *name, bool required, const char **ret,
		       size_t *ret_n);
/* GET report/integrated/get/ */
void tiktok_report(struct exchange *ex);

#endif
