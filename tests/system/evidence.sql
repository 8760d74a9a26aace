-- What the figures of an answer must be, worked out from the CSV files: functions over the tables of totals.sql, one row a figure under
-- the name that the evidence gives it. They share no code with us. Read next: evidence_compare.sql, test_evidence.sh.
\set ON_ERROR_STOP on

-- Where a visit of this dataset comes from when no campaign of a platform led to it: each source has one channel.
CREATE FUNCTION channel_of(source text, platform text, campaign_id text, attributed boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN NOT attributed THEN 'unattributed'
		WHEN campaign_id <> '' THEN platform || '_ads'
		WHEN source = 'google' THEN 'organic_search'
		WHEN source = 'instagram' THEN 'organic_social'
		WHEN source = 'klaviyo' THEN 'email'
		WHEN source = 'direct' THEN 'direct'
		ELSE 'unknown' END
$$;

CREATE FUNCTION summary_figures(first date, last date) RETURNS TABLE (metric text, value numeric, unit text) LANGUAGE sql STABLE AS $$
	WITH o AS (SELECT * FROM counted WHERE day BETWEEN coalesce(first, '-infinity') AND coalesce(last, 'infinity')),
	s AS (SELECT * FROM spend WHERE day BETWEEN coalesce(first, '-infinity') AND coalesce(last, 'infinity')),
	one AS (SELECT count(*)::numeric AS orders, sum(gross) AS gross, sum(refunds) AS refunds, sum(net) AS net, min(currency) AS currency FROM o)
	SELECT 'orders', orders, 'orders' FROM one
	UNION ALL SELECT 'gross', gross, currency FROM one
	UNION ALL SELECT 'refunds', refunds, currency FROM one
	UNION ALL SELECT 'net', net, currency FROM one
	UNION ALL SELECT 'roas', round(one.net / (SELECT sum(spend) FROM s), 4), '' FROM one
	UNION ALL SELECT 'period_days', coalesce(last, max(day)) - coalesce(first, min(day)) + 1, 'days' FROM o
	UNION ALL SELECT format('ad_spend[currency=%s]', currency), sum(spend), currency FROM s GROUP BY currency
	UNION ALL SELECT format('by_currency[currency=%s].orders', currency), count(*), 'orders' FROM o GROUP BY currency
	UNION ALL SELECT format('by_currency[currency=%s].gross', currency), sum(gross), currency FROM o GROUP BY currency
	UNION ALL SELECT format('by_currency[currency=%s].refunds', currency), sum(refunds), currency FROM o GROUP BY currency
	UNION ALL SELECT format('by_currency[currency=%s].net', currency), sum(net), currency FROM o GROUP BY currency
	UNION ALL SELECT format('spend_by_platform[platform=%s, currency=%s].spend', platform, currency), sum(spend), currency FROM s
		GROUP BY platform, currency
$$;

CREATE FUNCTION attribution_figures(grouping_by text, asked_model text, first date, last date)
RETURNS TABLE (metric text, value numeric, unit text) LANGUAGE sql STABLE AS $$
	WITH earned AS (
		SELECT channel_of(c.source, l.platform, l.campaign_id, c.attributed) AS channel, l.platform, l.campaign_id,
			CASE WHEN l.campaign_id = '' THEN c.campaign ELSE '' END AS campaign, c.currency, c.orders, c.revenue, 0::numeric AS spend
		FROM credits AS c JOIN links AS l USING (source, campaign)
		WHERE c.model = asked_model AND c.day BETWEEN coalesce(first, '-infinity') AND coalesce(last, 'infinity')
		UNION ALL
		SELECT platform || '_ads', platform, campaign_id, '', currency, 0, 0, spend::numeric FROM csv_ads
		WHERE date::date BETWEEN coalesce(first, '-infinity') AND coalesce(last, 'infinity')),
	named AS (
		SELECT e.*, CASE WHEN e.campaign_id = '' THEN e.campaign ELSE (SELECT min(n.name) FROM names AS n WHERE n.latest
			AND n.platform = e.platform AND n.campaign_id = e.campaign_id) END AS name FROM earned AS e),
	rows AS (
		SELECT CASE WHEN grouping_by = 'channel' THEN format('rows[channel=%s]', channel)
				ELSE format('rows[channel=%s, platform=%s, campaign_id=%s, campaign=%s]', channel, platform, campaign_id, name) END AS place,
			currency, bool_or(campaign_id <> '') AS of_platform, sum(orders) AS orders, sum(revenue) AS revenue, sum(spend) AS spend
		FROM named GROUP BY 1, 2)
	SELECT place || '.orders', orders, 'orders' FROM rows
	UNION ALL SELECT place || '.revenue', revenue, currency FROM rows
	UNION ALL SELECT place || '.spend', spend, currency FROM rows WHERE spend > 0
	UNION ALL SELECT place || '.roas', round(revenue / spend, 4), '' FROM rows WHERE spend > 0
	UNION ALL SELECT 'window_days', 28, 'days'
	UNION ALL SELECT n.name, (SELECT count(*) FROM rows), CASE grouping_by WHEN 'channel' THEN 'channels' ELSE 'rows' END
		FROM (VALUES ('rows_total'), ('rows_shown')) AS n (name)
	UNION ALL SELECT 'campaigns_total', (SELECT count(*) FROM rows WHERE of_platform), 'campaigns'
$$;

-- One row an answer: who gave it, and the document as the API sent it.
CREATE TABLE given (who text, body jsonb);
