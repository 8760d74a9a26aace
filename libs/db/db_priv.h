/*
 * The inside of libs/db, for its own files only. A connection carries one pipeline of up to
 * DB_BATCH_MAX segments; a segment is one transaction. Whoever "takes" a connection owns every
 * field of it but those marked (lock). Read next: run.c (leaders and followers), pipe.c (the wire),
 * pool.c (who gets which connection).
 */
#ifndef DB_DB_PRIV_H
#define DB_DB_PRIV_H

#include "db/db.h"

#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define DB_CONNECTIONS_MAX      64
#define DB_QUEUE_DEFAULT        1024
#define DB_STATEMENT_TIMEOUT_MS 30000
#define DB_DEADLINE_US          (INT64_C(30) * 1000 * 1000) /* when the caller names none */
#define DB_CONNECT_LIMIT_US     (INT64_C(5) * 1000 * 1000)
#define DB_PING_LIMIT_US        (INT64_C(1) * 1000 * 1000)
#define DB_ROLLBACK_LIMIT_US    (INT64_C(1) * 1000 * 1000)
#define DB_GRACE_US             (INT64_C(5) * 1000 * 1000) /* beyond statement_timeout: the server is lost */
#define DB_LATE_US \
	(INT64_C(250) * 1000) /* an open transaction waits so long for the server's own timeout */
#define DB_BACKOFF_MIN_US   (INT64_C(50) * 1000)
#define DB_BACKOFF_MAX_US   (INT64_C(2) * 1000 * 1000)
#define DB_RETRIES_MAX      3
#define DB_RETRY_STEP_US    4000 /* the n-th retry waits between 0 and n such steps, and one */
#define DB_RESULT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define DB_AFTER_COMMIT_MAX 8
#define DB_TX_ARENA_MAX     ((size_t)64 * 1024 * 1024)
#define DB_INLINE_ARGS      64
#define DB_STMT_NAME_MAX    63 /* PostgreSQL cuts longer names */
#define DB_STMTS_MAX        4096
#define DB_CONSTRAINT_MAX   64
#define DB_TX_MAGIC         UINT32_C(0x64627478)

/* Statements of the library itself, prepared before those of the tables; the enum is their id. */
enum db_internal {
	DB_SCOPE,
	DB_PING,
	DB_BEGIN,
	DB_COMMIT,
	DB_ROLLBACK,
	DB_SAVEPOINT,
	DB_SAVEPOINT_RELEASE,
	DB_SAVEPOINT_ROLLBACK,
	DB_INTERNAL_N,
};

struct db_call {
	int stmt;  /* id */
	int first; /* of its arguments in the transaction's vectors */
	int n;
};

enum db_tx_state {
	DB_TX_NEW,
	DB_TX_QUEUED,  /* in a list of the pool; leaves it by itself when late */
	DB_TX_SENDING, /* its arguments are being read: it cannot leave */
	DB_TX_SENT,    /* may leave; its results are then dropped */
	DB_TX_DONE,
};

struct db_tx {
	uint32_t magic;
	struct db *db;
	struct db_scope scope; /* copies, behind the struct */
	bool open;             /* made by db_begin */
	int64_t deadline;

	/* What to run. Vectors start inside the struct and move to the heap when they grow. */
	int n_calls;
	struct db_call calls[DB_STATEMENTS_MAX];
	int n_args, cap_args;
	const char **vals;
	int *lens, *formats;
	const char *inline_vals[DB_INLINE_ARGS];
	int inline_lens[DB_INLINE_ARGS], inline_formats[DB_INLINE_ARGS];
	enum status broken; /* a fault while it was filled; told by db_run */
	const char *broken_why;

	/* Waiting for a turn (lock). */
	enum db_tx_state state;
	bool wants_signal;    /* late while DB_TX_SENDING */
	uint64_t ticket;      /* order of arrival */
	struct db_conn *lead; /* take over this connection */
	struct db_segment *segment;
	TAILQ_ENTRY(db_tx) link;
	struct db_bell *bell;

	/* How it ended. */
	enum status outcome;
	char reason[ERROR_DETAIL_MAX];
	PGresult *failure; /* the server's first error; NULL: none */
	int failed_call;   /* index in calls; -1: at commit or in the scope */
	PGresult **results;
	int n_results, cap_results;
	PGresult *inline_results[8];
	size_t result_bytes;
	char constraint[DB_CONSTRAINT_MAX];

	struct arena *arena; /* made when db_tx_arena is first asked */

	/* Open ones. */
	struct db_conn *conn;
	bool failed;    /* the server refuses all until a rollback */
	bool savepoint; /* one is set */
	struct error first_error;

	int n_after;
	struct {
		void (*fn)(void *);
		void *arg;
	} after[DB_AFTER_COMMIT_MAX];
};

/*
 * What a transaction waits at. Apart from it, so that a leader may ring when the lock is open
 * again: who waited may be gone by then.
 */
struct db_bell {
	pthread_cond_t cond;
	atomic_int holders;
};

/* One transaction in the pipeline, with its results until they are handed over. */
struct db_segment {
	struct db_tx *tx; /* NULL: the caller left (lock) */
	int n_results;    /* statements answered; the scope is answered first and not counted */
	bool scoped;      /* the scope statement was answered */
	bool too_large;
	size_t bytes;
	PGresult *failure;
	int failed_call;
	PGresult *results[DB_STATEMENTS_MAX];
};

struct db_conn {
	struct db *db;
	bool taken;   /* by a leader or an open transaction (lock) */
	bool open;    /* by an open transaction (lock) */
	PGconn *pg;   /* NULL: down */
	bool idle;    /* nobody looked at the socket since the last use */
	bool recycle; /* close after use: a stale plan, or free SQL left its traces */
	bool unsent;  /* libpq still holds bytes to send */
	bool was_up;
	int64_t retry_at, backoff;
	int64_t progress;             /* when the server last answered or was asked */
	uint64_t busy_us, reconnects; /* added to the pool's when given back */
	int first, n;                 /* segments under way, a ring */
	struct db_segment segments[DB_BATCH_MAX];
};

TAILQ_HEAD(db_tx_list, db_tx);

struct db {
	char *conninfo, *schema;
	int n_conns, max_open;
	int statement_timeout_ms, queue_max;
	struct db_stmt *stmts; /* internal ones first, then in the order of the tables */
	int n_stmts;
	int *by_name; /* ids sorted by name */

	pthread_mutex_t lock;
	pthread_cond_t quiet; /* active is 0 */
	struct db_tx_list queue, openers;
	int n_waiting, n_open, active;
	bool closing;
	uint64_t tickets;
	char down_reason[ERROR_DETAIL_MAX];
	struct db_stats stats;
	struct db_conn conns[];
};

/* conn.c: connecting. */
/* Connects, sets the session up, prepares everything; c->pg is set on success. ST_INTERNAL for SQL
 * the server refuses. */
enum status db__conn_open(struct db_conn *c, int64_t deadline, struct error *err) MUST_USE;
void db__conn_close(struct db_conn *c);
/* Makes sure that the connection works: an idle one is looked at, a dead one made anew. */
enum status db__conn_ready(struct db_conn *c, int64_t deadline, struct error *err) MUST_USE;
/* Waits for the socket until `until`: 1 something happened, 0 the time is over, -1 the connection
 * is lost. */
int db__conn_wait(struct db_conn *c, int64_t until);
/* For PQsetNoticeProcessor: libpq would print notices on stderr, and libraries do not log. */
void db__ignore_notice(void *arg, const char *message);
/* Milliseconds for poll, rounded up, never negative. */
int db__poll_ms(int64_t until);

/* pipe.c: the wire. */
/* Sends one statement with its arguments; false when the connection is lost. */
bool db__send_call(struct db_conn *c, const struct db_tx *tx, const struct db_call *call);
bool db__send_plain(struct db_conn *c, enum db_internal id);
bool db__send_scope(struct db_conn *c, const struct db_tx *tx);
bool db__send_sync(struct db_conn *c);
/* A new last segment of the ring. */
struct db_segment *db__segment_push(struct db_conn *c, struct db_tx *tx, bool scoped);
/* Forgets the first segment, freeing what is left in it. */
void db__segment_pop(struct db_conn *c);
/* Reads what has arrived: 1 the first segment is complete, 0 more input is needed, -1 the
 * connection is lost. */
int db__pipe_step(struct db_conn *c);

/* tx.c: a bell that is held stays; the last holder frees it. NULL is held and released as well. */
struct db_bell *db__bell_hold(struct db_bell *bell);
void db__bell_release(struct db_bell *bell);

/* pool.c: who gets which connection. All need the lock. */
bool db__usable(const struct db_conn *c, int64_t now);
enum status db__admit(struct db *db, int64_t now, struct error *err) MUST_USE;
/* Appends to a list of the pool; db__wait_turn follows. */
void db__enqueue(struct db *db, struct db_tx *tx);
void db__dequeue(struct db *db, struct db_tx *tx);
/* Gives free connections to those who wait longest. */
void db__dispatch(struct db *db, int64_t now);
/* Who waits longest of those that may have a connection and lead none; NULL: nobody. */
struct db_tx *db__next_waiting(struct db *db);
/* The caller leaves: its time is over. */
void db__expire(struct db_tx *tx);
/* Waits until the transaction is done, leads a connection, or is late (it is finished then). */
void db__wait_turn(struct db *db, struct db_tx *tx);
void db__finish(struct db_tx *tx, enum status st, const char *reason);
/* The same for who rings himself, later. */
void db__end(struct db_tx *tx, enum status st, const char *reason);
/* Gives the connection back and lets others have it. */
void db__release(struct db_conn *c);
/* The server cannot be reached through `c`; if through no other either, nobody waits on. */
void db__connect_failed(struct db_conn *c, const struct error *why);
void db__leave(struct db *db);

/* tx.c */
struct db_tx *db__tx_alloc(struct db *db, const struct db_scope *scope, bool open);
/* Forgets statements and outcome, for a retry; keeps the scope. */
void db__tx_clear_outcome(struct db_tx *tx);
/* Room for n results. */
bool db__tx_reserve(struct db_tx *tx, int n) MUST_USE;
/* Takes the result over; false (and freed) when it is beyond the limit. */
bool db__tx_keep_result(struct db_tx *tx, PGresult *r);
void db__tx_drop_results(struct db_tx *tx);
void db__tx_after_commit(struct db_tx *tx);
/* The fault of adding this statement, ST_OK when it can be sent. Appends its arguments. */
enum status db__tx_append(struct db_tx *tx, const char *stmt, const struct db_args *args,
			  struct db_call *ret, const char **why) MUST_USE;
int64_t db__deadline(int64_t deadline);
/* From then on until now this thread waited for the database. */
void db__waited(int64_t since);

/* open.c: rolls back and gives the connection back. */
void db__tx_abandon(struct db_tx *tx);

/* sqlstate.c */
/* The status of a server's error, err filled with a sentence that holds no row values. */
enum status db__error(const PGresult *r, const char *stmt, char constraint[DB_CONSTRAINT_MAX],
		      struct error *err);
/* True when running the same transaction again may help: serialization, deadlock, a stale plan. */
bool db__retryable(const PGresult *r);
bool db__stale_plan(const PGresult *r);
/* First line of libpq's message, which holds no secret when the connection string was well formed.
 */
void db__first_line(const char *message, char *out, size_t cap);

#endif
