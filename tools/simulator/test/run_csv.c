/* The CSV reader: what RFC 4180 allows is read, anything else is refused with file, line and
 * column. */
#include "test/fixture.h"

#include "csv.h"

#include "core/text.h"

static const char *const columns[] = { "a", "b" };

struct good {
	const char *text;
	size_t rows;
	const char *a, *b; /* of the last row */
	unsigned line;     /* on which it begins */
};

static const struct good good[] = {
	{ "a,b\n", 0, NULL, NULL, 0 },
	{ "a,b", 0, NULL, NULL, 0 },
	{ "a,b\n1,2\n", 1, "1", "2", 2 },
	{ "a,b\n1,2", 1, "1", "2", 2 },
	{ "a,b\r\n1,2\r\n3,4\r\n", 2, "3", "4", 3 },
	{ "a,b\n,\n", 1, "", "", 2 },
	{ "a,b\n\"x, y\",\"say \"\"hi\"\"\"\n", 1, "x, y", "say \"hi\"", 2 },
	{ "a,b\n\"two\nlines\",z\nlast,row\n", 2, "last", "row", 4 },
	{ "a,b\n\"\",\"\"\n", 1, "", "", 2 },
	{ "\"a\",\"b\"\n\" lead\",trail \n", 1, " lead", "trail ", 2 },
	{ "a,b\n\xd9\x85,\xf0\x9f\x98\x80\n", 1, "\xd9\x85", "\xf0\x9f\x98\x80", 2 },
};

static size_t read_all(const char *text, struct str last[2], unsigned *line, char *memory,
		       struct error *err, enum status *ret)
{
	size_t rows = 0, len = strlen(text);
	struct csv c;

	memcpy(memory, text, len + 1);
	*ret = csv_open(&c, "t.csv", memory, len, columns, 2, err);
	while (*ret == ST_OK) {
		struct str fields[2];

		*ret = csv_next(&c, fields, err);
		if (*ret != ST_OK)
			break;
		memcpy(last, fields, sizeof(fields));
		*line = c.row_line;
		rows++;
	}
	return rows;
}

static void reads_what_is_allowed(void **state)
{
	char memory[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct error err = { 0 };
		struct str last[2] = { { "", 0 }, { "", 0 } };
		unsigned line = 0;
		enum status st;

		assert_int_equal(read_all(good[i].text, last, &line, memory, &err, &st),
				 good[i].rows);
		assert_int_equal(st, ST_NOT_FOUND);
		if (good[i].rows == 0)
			continue;
		assert_string_equal(last[0].p, good[i].a);
		assert_string_equal(last[1].p, good[i].b);
		assert_int_equal(last[1].n, strlen(good[i].b));
		assert_int_equal(line, good[i].line);
	}
}

static const char *const bad[][2] = {
	{ "", "t.csv line 1 column 1: no header line" },
	{ "a,c\n", "t.csv line 1 column 2: the header says \"c\", not b" },
	{ "a\n", "t.csv line 1 column 1: 1 fields, the header has 2" },
	{ "\xef\xbb\xbf"
	  "a,b\n",
	  "t.csv line 1 column 1: a byte order mark is not allowed" },
	{ "a,b\n1\n", "t.csv line 2 column 1: 1 fields, the header has 2" },
	{ "a,b\n1,2,3\n", "t.csv line 2 column 3: more fields than the header has" },
	{ "a,b\n\n", "t.csv line 2 column 1: 1 fields, the header has 2" },
	{ "a,b\n1,\"2\n", "t.csv line 3 column 2: a quoted field is not closed" },
	{ "a,b\n1,x\"y\n", "t.csv line 2 column 2: a quote inside an unquoted field" },
	{ "a,b\n\"1\"x,2\n", "t.csv line 2 column 1: text after a closing quote" },
	{ "a,b\n1\r,2\n", "t.csv line 2 column 1: a carriage return without a line feed" },
	{ "a,b\n\xff,2\n", "t.csv line 1 column 1: the file is not valid UTF-8" },
};

static void refuses_the_rest_and_says_where(void **state)
{
	char memory[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { 0 };
		struct str last[2];
		unsigned line = 0;
		enum status st;

		read_all(bad[i][0], last, &line, memory, &err, &st);
		assert_int_equal(st, ST_INVALID);
		assert_string_equal(err.detail, bad[i][1]);
	}
}

static void load_error(const char *file, const char *rows, const char *want)
{
	struct fx fx = { .port = 0 };
	struct dataset *ds = NULL;
	struct error err = { 0 };

	fx_folder(&fx, file, rows, NULL);
	assert_int_not_equal(dataset_load(&ds, fx.data, INT32_MIN, &err), ST_OK);
	assert_null(ds);
	if (strstr(err.detail, want) == NULL)
		print_error("%s: %s\n", want, err.detail);
	assert_non_null(strstr(err.detail, want));
	fx_remove_dir(&fx);
}

static void a_wrong_dataset_names_its_place(void **state)
{
	(void)state;
	load_error("orders.csv", "1,#1,yesterday,x,x,,GBP,PAID,,false,GB\n",
		   "orders.csv line 2 column created_at: not a UTC time");
	load_error("orders.csv",
		   "1,#1,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,,GBX,PAID,,"
		   "false,GB\n",
		   "orders.csv line 2 column currency: not an ISO 4217 code");
	load_error("orders.csv",
		   "1,#1,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,,GBP,PAID,,"
		   "no,GB\n",
		   "orders.csv line 2 column test: neither true nor false");
	load_error("orders.csv",
		   "1,#1,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,,GBP,PAID,,"
		   "false,GB\n"
		   "1,#2,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,,GBP,PAID,,"
		   "false,GB\n",
		   "orders.csv: the id \"1\" is there twice");
	load_error("order_lines.csv", "9,9-1,,,t,1,1.00,0\n",
		   "order_lines.csv line 2 column order_id: no such order");
	load_error("products.csv", "p,v,s,t,,1.00,cheap,1,2025-01-01T00:00:00Z\n",
		   "products.csv line 2 column unit_cost: not a decimal");
	load_error("products.csv", "p,v,s,\"t\nu\",,1.00,,many,2025-01-01T00:00:00Z\n",
		   "products.csv line 2 column inventory_quantity: not a whole number");
	load_error("ad_insights.csv", "bing,1,1,c,1,s,1,a,2025-01-01,GBP,1,1,1,1,1\n",
		   "ad_insights.csv line 2 column platform: not meta, google or tiktok");
	load_error("ad_insights.csv",
		   "meta,1,1,c,1,s,1,a,2025-01-01,GBP,1,1,1,1,1\nmeta,1,1,c,1,s,1,a,2025-01-02,USD,"
		   "1,1,1,1,1\n",
		   "account 1 has two currencies");
	load_error("dataset.json", "{\"name\":\"x\"}", "dataset.json: shop_domain is missing");
}

static void an_empty_dataset_loads(void **state)
{
	struct fx fx = { .port = 0 };
	struct dataset *ds = NULL;
	struct error err = { 0 };

	(void)state;
	fx_folder(&fx, NULL);
	assert_int_equal(dataset_load(&ds, fx.data, INT32_MIN, &err), ST_OK);
	assert_int_equal(ds->norders + ds->nlines + ds->nvariants + ds->nads + ds->naccounts, 0);
	assert_int_equal(dataset_find(ds, COLL_ORDERS, "1"), INDEX_NONE);
	dataset_drop(ds);
	fx_remove_dir(&fx);
}

static void a_shift_keeps_days_and_distances(void **state)
{
	/* Two orders around the clock change of 2025-03-30 in London, at the edges of a day. */
	static const char orders[] = "1,#1,2025-03-29T23:59:00Z,2025-03-29T23:59:59Z,2025-04-01T00:"
				     "00:00Z,,GBP,PAID,,false,GB\n"
				     "2,#2,2025-03-30T22:58:00Z,2025-03-30T22:59:59Z,2025-03-30T22:"
				     "59:59Z,,GBP,PAID,,false,GB\n";
	static const char visits[] = "v,2,1,2025-03-02T22:59:59Z,google,SEO,,,,,,\n";
	struct fx fx = { .port = 0 };
	struct dataset *ds = NULL;
	struct error err = { 0 };
	int32_t to;

	(void)state;
	fx_folder(&fx, "orders.csv", orders, "visits.csv", visits, NULL);
	/* dataset.json says 2025-01-31 is the last day: 300 days later it is winter where it was
	 * summer. */
	assert_true(date_parse("2025-11-27", &to));
	assert_int_equal(dataset_load(&ds, fx.data, to, &err), ST_OK);
	assert_int_equal(ds->shift_days, 300);
	for (uint32_t i = 0; i < 2; i++) {
		const struct order *o = &ds->orders[i];
		int32_t day = 0, local = (int32_t)((o->processed_at / US_PER_DAY));

		assert_true(date_parse(i == 0 ? "2026-01-23" : "2026-01-24", &day));
		assert_int_equal(local, day);
		/* 23:59:59 on the wall, which is UTC in winter. */
		assert_int_equal(o->processed_at % US_PER_DAY, US_PER_DAY - US_PER_SECOND);
	}
	assert_int_equal(ds->orders[1].processed_at - ds->visits[0].occurred_at, 28 * US_PER_DAY);
	assert_int_equal(ds->orders[0].processed_at - ds->orders[0].created_at, 59 * US_PER_SECOND);
	dataset_drop(ds);
	fx_remove_dir(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_allowed),
		cmocka_unit_test(refuses_the_rest_and_says_where),
		cmocka_unit_test(a_wrong_dataset_names_its_place),
		cmocka_unit_test(an_empty_dataset_loads),
		cmocka_unit_test(a_shift_keeps_days_and_distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
