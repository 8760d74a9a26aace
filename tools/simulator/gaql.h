/* The Google Ads query language: text to a checked query. Read next: gaql.c (parser), google_rows.c
 * (answers). */
#ifndef SIM_GAQL_H
#define SIM_GAQL_H

#include "ads.h"

#include "core/arena.h"

#define GAQL_TEXT_MAX   20000
#define GAQL_FIELDS_MAX 64
#define GAQL_CONDS_MAX  32
#define GAQL_VALUES_MAX 1000

enum gaql_field {
	GF_CUSTOMER_NAME,
	GF_CUSTOMER_ID,
	GF_CUSTOMER_DESCRIPTIVE,
	GF_CUSTOMER_CURRENCY,
	GF_CUSTOMER_ZONE,
	GF_CAMPAIGN_RESOURCE,
	GF_CAMPAIGN_ID,
	GF_CAMPAIGN_NAME,
	GF_CAMPAIGN_STATUS,
	GF_GROUP_RESOURCE,
	GF_GROUP_ID,
	GF_GROUP_NAME,
	GF_GROUP_STATUS,
	GF_AD_RESOURCE,
	GF_AD_ID,
	GF_AD_NAME,
	GF_AD_STATUS,
	GF_DATE,
	GF_COST,
	GF_IMPRESSIONS,
	GF_CLICKS,
	GF_CONVERSIONS,
	GF_VALUE,
	GF_COUNT
};
enum gaql_kind { GK_TEXT, GK_INT64, GK_DOUBLE, GK_DATE };
enum gaql_op { GO_EQ, GO_NE, GO_GT, GO_GE, GO_LT, GO_LE, GO_IN, GO_NOT_IN, GO_BETWEEN };

struct gaql_field_info {
	const char *name;  /* "metrics.cost_micros" */
	const char *path;  /* "metrics.costMicros" */
	const char *group; /* "metrics": the object of a result it stands in */
	const char *key;   /* "costMicros"; "ad.id" for the ad's own object */
	enum gaql_kind kind;
	enum ads_level level; /* the coarsest resource that has it */
};

extern const struct gaql_field_info gaql_fields[GF_COUNT];

struct gaql_cond {
	enum gaql_field field;
	enum gaql_op op;
	const char *const *values;
	size_t nvalues;
};

struct gaql_query {
	enum gaql_field fields[GAQL_FIELDS_MAX];
	size_t nfields;
	enum ads_level level; /* FROM */
	const char *resource;
	struct gaql_cond conds[GAQL_CONDS_MAX];
	size_t nconds;
	struct {
		enum gaql_field field;
		bool descending;
	} orders[GAQL_CONDS_MAX];
	size_t norders;
	int64_t limit; /* 0: none */
	bool daily;
	int32_t from, to;
};

/* What is wrong with a query: a code of QueryErrorEnum, and a sentence. */
struct gaql_error {
	const char *code, *message;
};

/* Parses and checks `text`; `today` is the customer's day, for DURING. */
bool gaql_parse(struct arena *a, const char *text, int32_t today, struct gaql_query *ret,
		struct gaql_error *err);

#endif
