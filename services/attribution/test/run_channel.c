/* Links and the channels they must get; campaigns and the links that mean them. */
#include "campaign.h"
#include "channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ARENA_MAX (64 * 1024)

static const struct {
	const char *source, *type, *medium;
	enum channel expected;
} links[] = {
	{ "google", "AD", "cpc", CHANNEL_PAID_OTHER },
	{ "Google", "", "CPC", CHANNEL_PAID_OTHER },
	{ "facebook", "AD", "paid_social", CHANNEL_PAID_OTHER },
	{ "facebook", "", "Paid Social", CHANNEL_PAID_OTHER },
	{ "tiktok", "AD", "paid", CHANNEL_PAID_OTHER },
	{ "bing", "", "ppc", CHANNEL_PAID_OTHER },
	{ "tiktok", "AD", "", CHANNEL_PAID_OTHER },
	{ "", "RETARGETING", "", CHANNEL_PAID_OTHER },
	{ "google", "SEO", "organic", CHANNEL_ORGANIC_SEARCH },
	{ "some-engine", "", "organic", CHANNEL_ORGANIC_SEARCH },
	{ "google", "", "", CHANNEL_ORGANIC_SEARCH },
	{ "www.google.co.uk", "", "referral", CHANNEL_ORGANIC_SEARCH },
	{ "duckduckgo.com", "", "", CHANNEL_ORGANIC_SEARCH },
	{ "", "SEO", "", CHANNEL_ORGANIC_SEARCH },
	{ "instagram", "POST", "social", CHANNEL_ORGANIC_SOCIAL },
	{ "instagram", "", "organic", CHANNEL_ORGANIC_SOCIAL },
	{ "l.instagram.com", "", "referral", CHANNEL_ORGANIC_SOCIAL },
	{ "t.co", "", "", CHANNEL_ORGANIC_SOCIAL },
	{ "youtube", "", "", CHANNEL_ORGANIC_SOCIAL },
	{ "anything", "", "social-media", CHANNEL_ORGANIC_SOCIAL },
	{ "klaviyo", "NEWSLETTER", "email", CHANNEL_EMAIL },
	{ "newsletter", "NEWSLETTER", "email", CHANNEL_EMAIL },
	{ "klaviyo", "", "", CHANNEL_EMAIL },
	{ "crm-7", "TRANSACTIONAL", "", CHANNEL_EMAIL },
	{ "mail.google.com", "", "referral", CHANNEL_EMAIL },
	{ "attentive", "", "sms", CHANNEL_SMS },
	{ "SMS", "", "", CHANNEL_SMS },
	{ "awin", "AFFILIATE", "", CHANNEL_AFFILIATE },
	{ "blog.example", "", "affiliate", CHANNEL_AFFILIATE },
	{ "blog.example", "", "referral", CHANNEL_REFERRAL },
	{ "blog.example", "", "", CHANNEL_REFERRAL },
	{ "x.example.com", "", "", CHANNEL_REFERRAL },
	{ "partner-app", "LINK", "", CHANNEL_REFERRAL },
	{ "direct", "", "", CHANNEL_DIRECT },
	{ "(direct)", "", "(none)", CHANNEL_DIRECT },
	{ "", "", "", CHANNEL_DIRECT },
	{ "  ", "", " ", CHANNEL_DIRECT },
	{ "", "STOREFRONT_APP", "", CHANNEL_DIRECT },
	{ "an unknown source", "", "", CHANNEL_OTHER },
	{ "qr", "", "flyer", CHANNEL_OTHER },
	{ "\xd8\xa5\xd8\xb9", "", "\xd8\xa5", CHANNEL_OTHER },
};

static void test_links(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const struct link l = { links[i].source, links[i].type, links[i].medium, "c" };
		enum channel got = channel_of_link(&l);

		if (got != links[i].expected)
			fail_msg("%s / %s / %s is %d, not %d", l.source, l.source_type, l.medium,
				 (int)got, (int)links[i].expected);
	}
}

/* Words longer than any we know are no words, and do not overflow. */
static void test_long_words(void **state)
{
	char word[2000];
	const struct link l = { word, word, word, word };

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(channel_of_link(&l), CHANNEL_OTHER);
	assert_int_equal(ad_platform_of_source(word), AD_NONE);
	word[253] = '\0';
	assert_int_equal(channel_of_link(&l), CHANNEL_OTHER);
	memcpy(word + 240, ".google.com.x", 14);
	assert_int_equal(ad_platform_of_source(word), AD_GOOGLE);
}

static void test_platform_words(void **state)
{
	static const struct {
		const char *source;
		enum ad_platform expected;
	} rows[] = {
		{ "facebook", AD_META },
		{ "Instagram", AD_META },
		{ "fb", AD_META },
		{ "IG", AD_META },
		{ "meta", AD_META },
		{ "m.facebook.com", AD_META },
		{ "google", AD_GOOGLE },
		{ "adwords", AD_GOOGLE },
		{ "googleads", AD_GOOGLE },
		{ "www.google.de", AD_GOOGLE },
		{ "youtube", AD_GOOGLE },
		{ "tiktok", AD_TIKTOK },
		{ "ads.tiktok.com", AD_TIKTOK },
		{ "", AD_NONE },
		{ "bing", AD_NONE },
		{ "facebooks", AD_NONE },
		{ "example.google", AD_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(ad_platform_of_source(rows[i].source), rows[i].expected);
	for (enum ad_platform p = AD_META; p <= AD_TIKTOK; p++)
		assert_int_equal(ad_platform_from_word(ad_platform_word(p)), p);
	assert_int_equal(ad_platform_from_word("Meta"), AD_NONE);
	assert_int_equal(ad_platform_from_word(""), AD_NONE);
}

static const struct campaign_name campaigns[] = {
	{ AD_META, "act-1", "77", "spring", true },
	{ AD_GOOGLE, "g-1", "77", "spring renamed", true },
	{ AD_GOOGLE, "g-1", "77", "spring", false },
	{ AD_TIKTOK, "tt", "t1", "t-1", true },
	{ AD_META, "act-1", "900", "twin", true },
	{ AD_META, "act-1", "1000", "twin", true },
	{ AD_META, "act-2", "1", "twin", false },
	{ AD_META, "act-2", "1", "old twin", true },
	{ AD_GOOGLE, "g-2", "5", "same id, two accounts", true },
	{ AD_GOOGLE, "g-1", "5", "same id, two accounts", true },
	{ AD_GOOGLE, "g-1", "6", "t1", true },
	{ AD_META, "act-3", "8", "", true },
};

static const struct {
	const char *source, *campaign;
	enum ad_platform platform; /* AD_NONE: no match */
	const char *account_id, *campaign_id;
} matches[] = {
	{ "facebook", "77", AD_META, "act-1", "77" },
	{ "google", "77", AD_GOOGLE, "g-1", "77" },
	{ "newsletter", "77", AD_NONE, NULL, NULL }, /* two platforms, the source names neither */
	{ "tiktok", "77", AD_NONE, NULL, NULL },
	{ "", "t1", AD_TIKTOK, "tt", "t1" },       /* one platform: the source need not say */
	{ "google", "t1", AD_TIKTOK, "tt", "t1" }, /* the id goes before the name */
	{ "instagram", "spring", AD_META, "act-1", "77" },
	{ "adwords", "spring", AD_GOOGLE, "g-1", "77" }, /* a past name */
	{ "google", "spring renamed", AD_GOOGLE, "g-1", "77" },
	{ "facebook", "spring renamed", AD_NONE, NULL, NULL },
	{ "newsletter", "spring", AD_NONE, NULL, NULL },
	{ "google", "Spring", AD_NONE, NULL, NULL }, /* exact */
	{ "google", "spring ", AD_NONE, NULL, NULL },
	{ "fb", "twin", AD_META, "act-1", "1000" }, /* lowest id as bytes among present names */
	{ "fb", "old twin", AD_META, "act-2", "1" },
	{ "google", "5", AD_GOOGLE, "g-1", "5" },
	{ "facebook", "", AD_NONE, NULL, NULL },
	{ "google", "", AD_NONE, NULL, NULL },
};

static void test_campaigns(void **state)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct campaign_book book;

	(void)state;
	assert_int_equal(
		campaign_book_make(a, campaigns, sizeof(campaigns) / sizeof(campaigns[0]), &book),
		ST_OK);
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		const struct link l = { matches[i].source, "", "", matches[i].campaign };
		const struct campaign_name *c = campaign_match(&book, &l);

		print_message("%s %s\n", l.source, l.campaign);
		assert_int_equal(c ? c->platform : AD_NONE, matches[i].platform);
		if (c) {
			assert_string_equal(c->account_id, matches[i].account_id);
			assert_string_equal(c->campaign_id, matches[i].campaign_id);
		}
	}
	arena_free(a);
}

static void test_no_campaigns(void **state)
{
	struct arena *a = arena_new(ARENA_MAX);
	const struct link l = { "google", "", "cpc", "spring" };
	struct campaign_book book;

	(void)state;
	assert_int_equal(campaign_book_make(a, NULL, 0, &book), ST_OK);
	assert_null(campaign_match(&book, &l));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),          cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_platform_words), cmocka_unit_test(test_campaigns),
		cmocka_unit_test(test_no_campaigns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
