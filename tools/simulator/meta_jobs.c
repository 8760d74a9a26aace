/*
 * Meta's asynchronous reports: a run is started, looked at until it is done, then read in pages. A
 * run needs two looks before it is done, so that a client has to poll. Read next: meta_insights.c.
 */
#include "meta.h"

#include "core/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_UNTIL_DONE 2
#define FIRST_RUN_ID     6023920149050LL
#define ACCOUNT_MAX      512

struct job {
	long long id;
	char account_id[ACCOUNT_MAX];
	struct meta_insights in; /* its fields point to the table of known ones */
	unsigned looks;
	bool fails;
};

struct meta_jobs {
	pthread_mutex_t lock;
	struct job ring[META_JOBS_MAX];
	size_t started;
};

struct meta_jobs *meta_jobs_new(void)
{
	struct meta_jobs *j = calloc(1, sizeof(*j));

	if (j != NULL)
		pthread_mutex_init(&j->lock, NULL);
	return j;
}

void meta_jobs_free(struct meta_jobs *j)
{
	if (j == NULL)
		return;
	pthread_mutex_destroy(&j->lock);
	free(j);
}

void meta_job_start(struct exchange *ex, const char *account_id, bool fails)
{
	struct meta_jobs *jobs = ex->sim->jobs;
	struct meta_insights in;
	struct job *job;
	long long id;

	if (!meta_insights_read(ex, &in))
		return;
	pthread_mutex_lock(&jobs->lock);
	id = FIRST_RUN_ID + (long long)jobs->started;
	job = &jobs->ring[jobs->started++ % META_JOBS_MAX];
	*job = (struct job){ .id = id, .in = in, .fails = fails };
	if (text_copy(job->account_id, sizeof(job->account_id), account_id) != ST_OK)
		job->fails = true;
	pthread_mutex_unlock(&jobs->lock);
	web_json(ex->rep, 200, "");
	buf_printf(&ex->rep->body, "{\"report_run_id\":\"%lld\"}", id);
}

/* A copy of the job of that id; `look` counts as one look at it. */
static bool find_job(struct exchange *ex, const char *run_id, bool look, struct job *ret)
{
	struct meta_jobs *jobs = ex->sim->jobs;
	bool found = false;
	int64_t id;

	if (!parse_i64(run_id, FIRST_RUN_ID, INT64_MAX, &id))
		return false;
	pthread_mutex_lock(&jobs->lock);
	for (size_t i = 0; i < META_JOBS_MAX && !found; i++)
		if (jobs->ring[i].id == id) {
			jobs->ring[i].looks += look;
			*ret = jobs->ring[i];
			found = true;
		}
	pthread_mutex_unlock(&jobs->lock);
	return found;
}

bool meta_job_status(struct exchange *ex, const char *run_id)
{
	struct buf *b = &ex->rep->body;
	struct job job;
	bool done;

	if (!find_job(ex, run_id, true, &job))
		return false;
	done = job.looks > LOOKS_UNTIL_DONE;
	web_json(ex->rep, 200, "");
	buf_printf(b, "{\"id\":\"%lld\",\"account_id\":", job.id);
	buf_put_json(b, job.account_id, strlen(job.account_id));
	buf_printf(b, ",\"async_status\":\"%s\",\"async_percent_completion\":%u,\"is_running\":%s",
		   !done       ? (job.looks == 1 ? "Job Not Started" : "Job Running")
		   : job.fails ? "Job Failed"
			       : "Job Completed",
		   done ? (job.fails ? 40 : 100) : (job.looks - 1) * 50, done ? "false" : "true");
	if (done && job.fails)
		buf_puts(b,
			 ",\"error_code\":2,\"error_message\":\"An unknown error has occurred.\","
			 "\"error_subcode\":1504044,\"error_user_title\":\"Unknown error\","
			 "\"error_user_msg\":\"Please try again later.\"");
	buf_putc(b, '}');
	return true;
}

bool meta_job_rows(struct exchange *ex, const char *run_id)
{
	struct job job;

	if (!find_job(ex, run_id, false, &job))
		return false;
	if (job.fails || job.looks <= LOOKS_UNTIL_DONE)
		meta_error(ex, 400, 2601, 1815107, "OAuthException",
			   "(#2601) Error accessing adreport job.");
	else
		meta_insights_answer(ex, job.account_id, &job.in, "report_rows");
	return true;
}
