/*
 * The rules that give a touch its channel: one table, first match wins, over classes of words. To
 * teach a new word, add it to a list; to change what words mean, change the table.
 */
#include "channel.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX 253 /* a host name's length; anything longer is no word we know */

enum word_class {
	W_ANY,  /* in the table only */
	W_NONE, /* nothing was said */
	W_HOST, /* an unknown word with a dot: a site that linked to us */
	W_OTHER,
	W_PAID,
	W_SEARCH,
	W_SOCIAL,
	W_EMAIL,
	W_SMS,
	W_AFFILIATE,
	W_REFERRAL,
};

/* ---- the table ---- */

static const struct rule {
	enum word_class medium, source, type;
	enum channel channel;
} rules[] = {
	/* The medium is the marketer's own word, so it decides where it is known. */
	{ W_PAID, W_ANY, W_ANY, CHANNEL_PAID_OTHER },
	{ W_EMAIL, W_ANY, W_ANY, CHANNEL_EMAIL },
	{ W_SMS, W_ANY, W_ANY, CHANNEL_SMS },
	{ W_AFFILIATE, W_ANY, W_ANY, CHANNEL_AFFILIATE },
	{ W_SOCIAL, W_ANY, W_ANY, CHANNEL_ORGANIC_SOCIAL },
	{ W_SEARCH, W_SOCIAL, W_ANY, CHANNEL_ORGANIC_SOCIAL }, /* "organic" of a social site */
	{ W_SEARCH, W_ANY, W_ANY, CHANNEL_ORGANIC_SEARCH },
	/* Without a medium, the shop's own finding says whether the visit was paid for. */
	{ W_NONE, W_ANY, W_PAID, CHANNEL_PAID_OTHER },
	/* Then the source. */
	{ W_ANY, W_EMAIL, W_ANY, CHANNEL_EMAIL },
	{ W_ANY, W_SMS, W_ANY, CHANNEL_SMS },
	{ W_ANY, W_AFFILIATE, W_ANY, CHANNEL_AFFILIATE },
	{ W_ANY, W_SEARCH, W_ANY, CHANNEL_ORGANIC_SEARCH },
	{ W_ANY, W_SOCIAL, W_ANY, CHANNEL_ORGANIC_SOCIAL },
	{ W_REFERRAL, W_ANY, W_ANY, CHANNEL_REFERRAL },
	/* Then the rest of what the shop found out. */
	{ W_NONE, W_ANY, W_EMAIL, CHANNEL_EMAIL },
	{ W_NONE, W_ANY, W_SMS, CHANNEL_SMS },
	{ W_NONE, W_ANY, W_AFFILIATE, CHANNEL_AFFILIATE },
	{ W_NONE, W_ANY, W_SEARCH, CHANNEL_ORGANIC_SEARCH },
	{ W_NONE, W_ANY, W_SOCIAL, CHANNEL_ORGANIC_SOCIAL },
	{ W_NONE, W_ANY, W_REFERRAL, CHANNEL_REFERRAL },
	{ W_NONE, W_NONE, W_ANY, CHANNEL_DIRECT },
	{ W_NONE, W_HOST, W_ANY, CHANNEL_REFERRAL },
	{ W_ANY, W_ANY, W_ANY, CHANNEL_OTHER },
};

/*
 * ---- the words: lower case, "-" for spaces and underscores, each list split by "|", "*" for any
 * ending ----
 */

struct words {
	int meaning; /* an enum word_class, or an enum ad_platform */
	const char *list;
};

static const struct words medium_words[] = {
	{ W_NONE, "|(none)|none|(not-set)|direct|(direct)" },
	{ W_PAID, "paid*|social-paid|cpc|ppc|cpm|cpv|cpa|cpp|sem|ad|ads|display|banner|retargeting"
		  "|remarketing|interstitial" },
	{ W_SEARCH, "organic|organic-search|search|seo" },
	{ W_SOCIAL, "social|organic-social|social-network|social-media|sm|post|story" },
	{ W_EMAIL, "email|e-mail|mail|newsletter" },
	{ W_SMS, "sms|mms|text|text-message" },
	{ W_AFFILIATE, "affiliate|affiliates|partner|influencer" },
	{ W_REFERRAL, "referral|link|app" },
	{ 0, NULL },
};

static const struct words source_words[] = {
	{ W_NONE, "|(none)|none|(not-set)|direct|(direct)" },
	{ W_SEARCH,
	  "google|bing|yahoo|duckduckgo|baidu|yandex|ecosia|naver|qwant|startpage|seznam|brave" },
	{ W_SOCIAL,
	  "facebook|fb|instagram|ig|meta|messenger|threads|tiktok|twitter|x|t.co|x.com|linkedin"
	  "|lnkd.in|pinterest|reddit|youtube|youtu.be|snapchat|tumblr|vk|weibo|quora|bsky" },
	{ W_EMAIL, "email|e-mail|newsletter|klaviyo|mailchimp|omnisend|sendgrid|brevo|shopify-email"
		   "|mail.google.com" },
	{ W_SMS, "sms|attentive|postscript|smsbump" },
	{ W_AFFILIATE, "affiliate|awin|shareasale|rakuten|impact|cj" },
	{ 0, NULL },
};

/* Shopify's MarketingTactic, as CustomerVisit.sourceType gives it. Those not listed say nothing of
 * the channel. */
static const struct words type_words[] = {
	{ W_PAID, "ad|retargeting" }, { W_SEARCH, "seo" },
	{ W_SOCIAL, "post" },         { W_EMAIL, "newsletter|transactional|abandoned-cart" },
	{ W_SMS, "message" },         { W_AFFILIATE, "affiliate" },
	{ W_REFERRAL, "link" },       { 0, NULL },
};

/* Sources whose links may carry the platform's campaigns. */
static const struct words platform_words[] = {
	{ AD_META, "facebook|instagram|fb|ig|meta" },
	{ AD_GOOGLE, "google|adwords|googleads|google-ads|youtube" },
	{ AD_TIKTOK, "tiktok" },
	{ 0, NULL },
};

/* ---- platforms ---- */

static const struct {
	const char *word;
	enum channel channel;
} platforms[] = {
	[AD_NONE] = { "", CHANNEL_OTHER },
	[AD_META] = { "meta", CHANNEL_META_ADS },
	[AD_GOOGLE] = { "google", CHANNEL_GOOGLE_ADS },
	[AD_TIKTOK] = { "tiktok", CHANNEL_TIKTOK_ADS },
};

const char *ad_platform_word(enum ad_platform p)
{
	return platforms[p].word;
}

enum channel ad_platform_channel(enum ad_platform p)
{
	return platforms[p].channel;
}

enum ad_platform ad_platform_from_word(const char *word)
{
	for (size_t i = AD_META; i < sizeof(platforms) / sizeof(platforms[0]); i++)
		if (strcmp(platforms[i].word, word) == 0)
			return (enum ad_platform)i;
	return AD_NONE;
}

/* ---- words ---- */

static char fold_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == ' ' || c == '_' || c == '\t' ? '-' : c;
}

/* Trims, lowers ASCII and unites separators; false when the text is longer than any word we know.
 */
static bool fold(const char *s, char out[WORD_MAX + 1])
{
	size_t len;

	while (*s == ' ' || *s == '\t')
		s++;
	len = strlen(s);
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	if (len > WORD_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = fold_char(s[i]);
	out[len] = '\0';
	return true;
}

static bool entry_fits(const char *entry, size_t n, const char *text, size_t len)
{
	if (n > 0 && entry[n - 1] == '*')
		return len >= n - 1 && memcmp(entry, text, n - 1) == 0;
	return n == len && memcmp(entry, text, len) == 0;
}

static bool list_has(const char *list, const char *text, size_t len)
{
	for (;;) {
		size_t n = strcspn(list, "|");

		if (entry_fits(list, n, text, len))
			return true;
		if (list[n] == '\0')
			return false;
		list += n + 1;
	}
}

/* The meaning of a word; 0 when no list has it. */
static int meaning(const struct words *words, const char *text, size_t len)
{
	for (; words->list; words++)
		if (list_has(words->list, text, len))
			return words->meaning;
	return 0;
}

/*
 * As meaning, also for host names: "m.facebook.com" means what one of its labels but the last
 * means. A label of one letter means nothing ("x.example.com" is not X).
 */
static int meaning_of_host(const struct words *words, const char *text)
{
	int found = meaning(words, text, strlen(text));

	while (found == 0) {
		size_t len = strcspn(text, ".");

		if (text[len] == '\0')
			return 0;
		if (len > 1)
			found = meaning(words, text, len);
		text += len + 1;
	}
	return found;
}

static enum word_class classify(const struct words *words, const char *said)
{
	char text[WORD_MAX + 1];
	int found = fold(said, text) ? meaning(words, text, strlen(text)) : 0;

	return found ? (enum word_class)found : W_OTHER;
}

static enum word_class classify_source(const char *said)
{
	char text[WORD_MAX + 1];
	int found;

	if (!fold(said, text))
		return W_OTHER;
	found = meaning_of_host(source_words, text);
	if (found)
		return (enum word_class)found;
	return strchr(text, '.') ? W_HOST : W_OTHER;
}

enum ad_platform ad_platform_of_source(const char *source)
{
	char text[WORD_MAX + 1];

	return fold(source, text) ? (enum ad_platform)meaning_of_host(platform_words, text)
				  : AD_NONE;
}

/* ---- the rules at work ---- */

static bool fits(enum word_class rule, enum word_class is)
{
	return rule == W_ANY || rule == is;
}

enum channel channel_of_link(const struct link *l)
{
	const enum word_class medium = classify(medium_words, l->medium);
	const enum word_class source = classify_source(l->source);
	const enum word_class type = classify(type_words, l->source_type);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (fits(rules[i].medium, medium) && fits(rules[i].source, source) &&
		    fits(rules[i].type, type))
			return rules[i].channel;
	return CHANNEL_OTHER;
}
