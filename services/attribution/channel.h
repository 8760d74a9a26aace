/*
 * What a touch is called by the words of its link alone. Pure; the one table of rules stands at the
 * top of channel.c. Read next: campaign.h, for links whose campaign is an ad platform's.
 */
#ifndef ATTRIBUTION_CHANNEL_H
#define ATTRIBUTION_CHANNEL_H

/* The numbers are those of attribution.v1.Channel and stand in the table of kinds. */
enum channel {
	CHANNEL_META_ADS = 1,
	CHANNEL_GOOGLE_ADS = 2,
	CHANNEL_TIKTOK_ADS = 3,
	CHANNEL_PAID_OTHER = 4,
	CHANNEL_ORGANIC_SEARCH = 5,
	CHANNEL_ORGANIC_SOCIAL = 6,
	CHANNEL_EMAIL = 7,
	CHANNEL_SMS = 8,
	CHANNEL_AFFILIATE = 9,
	CHANNEL_REFERRAL = 10,
	CHANNEL_DIRECT = 11,
	CHANNEL_OTHER = 12,
	CHANNEL_UNATTRIBUTED = 13,
};

enum ad_platform {
	AD_NONE,
	AD_META,
	AD_GOOGLE,
	AD_TIKTOK,
};
/* "meta", "google", "tiktok"; "" for AD_NONE. */
const char *ad_platform_word(enum ad_platform p);
/* AD_NONE for any other word. */
enum ad_platform ad_platform_from_word(const char *word);
/* The channel of the platform's campaigns; CHANNEL_OTHER for AD_NONE. */
enum channel ad_platform_channel(enum ad_platform p);
/* The platform that a link's source names, in any case: "facebook", "m.facebook.com", "adwords" ...
 */
enum ad_platform ad_platform_of_source(const char *source);

/* The words of a link as marketers and visitors wrote them: never NULL, any text. */
struct link {
	const char *source, *source_type, *medium, *campaign;
};

/* The channel by medium, source and source type, for a link whose campaign is nobody's. */
enum channel channel_of_link(const struct link *l);

#endif
