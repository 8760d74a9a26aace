/* What the files of the Meta simulator share: errors, parameters, and insights as a list of rows.
 * Read next: meta.c. */
#ifndef SIM_META_H
#define SIM_META_H

#include "ads.h"
#include "sim.h"

#define META_VERSION       "v25.0"
#define META_LIMIT_DEFAULT 25
#define META_LIMIT_MAX     5000
#define META_HISTORY_DAYS  1123 /* 37 months */
#define META_FIELDS_MAX    40
#define META_JOBS_MAX      1000 /* the oldest give way */

struct meta_insights {
	enum ads_level level;
	const char *fields[META_FIELDS_MAX];
	size_t nfields;
	int32_t from, to;
	bool daily;
	const char *windows[8]; /* action_attribution_windows */
	size_t nwindows;
};

/* Answers an error in Graph's shape (HTTP 400 unless the code says otherwise). */
void meta_error(struct exchange *ex, int status, int code, int subcode, const char *type,
		const char *message);
/* A parameter of the query, the form, or a JSON body. NULL when absent. */
const char *meta_param(struct exchange *ex, const char *name);
/* Reads and checks the parameters of insights; false with the error answered. */
bool meta_insights_read(struct exchange *ex, struct meta_insights *ret);
/* Writes one page of insights ("data" and "paging"). */
void meta_insights_answer(struct exchange *ex, const char *account_id,
			  const struct meta_insights *in, const char *endpoint);
/* Starts an asynchronous report, tells about it, gives its rows (meta_jobs.c). */
void meta_job_start(struct exchange *ex, const char *account_id, bool fails);
bool meta_job_status(struct exchange *ex, const char *run_id);
bool meta_job_rows(struct exchange *ex, const char *run_id);
/* limit and after of a list; false with the error answered. */
bool meta_paging(struct exchange *ex, size_t total, size_t *ret_from, size_t *ret_n);
/* Writes the end of a list: "paging" with cursors and, where there is more, next. */
void meta_paging_write(struct exchange *ex, size_t from, size_t n, size_t total);

#endif
