-- Says where the second opinion of totals.sql and the API's answers differ: no row, no difference. Amounts are compared as numbers
-- to their last digit. Read next: test_totals.sh.
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned

-- ---- summaries: the whole (day is null) and each day ----

WITH api AS (
	SELECT a.day, f ->> 'currency' AS currency, (f ->> 'orders')::numeric AS orders, (f -> 'gross' ->> 'amount')::numeric AS gross,
		(f -> 'refunds' ->> 'amount')::numeric AS refunds, (f -> 'net' ->> 'amount')::numeric AS net
	FROM answers AS a, jsonb_array_elements(a.body -> 'by_currency') AS f WHERE a.kind = 'summary'),
own AS (
	SELECT day, currency, count(*)::numeric AS orders, sum(gross) AS gross, sum(refunds) AS refunds, sum(net) AS net
	FROM counted GROUP BY GROUPING SETS ((day, currency), (currency)))
SELECT 'summary: the files say', x.* FROM (SELECT * FROM own EXCEPT SELECT * FROM api) AS x
UNION ALL
SELECT 'summary: the API says', x.* FROM (SELECT * FROM api EXCEPT SELECT * FROM own) AS x;

-- One currency stands beside the list, too.
SELECT 'summary: the sums differ from by_currency', day FROM answers
WHERE kind = 'summary' AND jsonb_array_length(body -> 'by_currency') = 1
	AND (body -> 'net' IS DISTINCT FROM body -> 'by_currency' -> 0 -> 'net'
		OR body -> 'gross' IS DISTINCT FROM body -> 'by_currency' -> 0 -> 'gross'
		OR body -> 'refunds' IS DISTINCT FROM body -> 'by_currency' -> 0 -> 'refunds');

WITH api AS (
	SELECT a.day, p ->> 'platform' AS platform, p -> 'spend' ->> 'currency' AS currency, (p -> 'spend' ->> 'amount')::numeric AS spend
	FROM answers AS a, jsonb_array_elements(a.body -> 'spend_by_platform') AS p WHERE a.kind = 'summary'),
own AS (
	SELECT day, platform, currency, sum(spend) AS spend FROM spend GROUP BY GROUPING SETS ((day, platform, currency), (platform, currency)))
SELECT 'spend', o.*, a.* FROM own AS o FULL JOIN api AS a
	ON o.day IS NOT DISTINCT FROM a.day AND o.platform = a.platform AND o.currency = a.currency
-- Days outside the orders' were not asked for.
WHERE coalesce(o.spend, 0) <> coalesce(a.spend, 0) AND coalesce(o.day, a.day) IN (SELECT day FROM answers WHERE day IS NOT NULL)
	OR coalesce(o.spend, 0) <> coalesce(a.spend, 0) AND o.day IS NULL AND a.day IS NULL;

-- ---- attribution by campaign, both models ----

CREATE TEMP VIEW api_rows AS
SELECT a.model, a.day, r ->> 'channel' = 'unattributed' AS unattributed, r ->> 'platform' AS platform, r ->> 'campaign_id' AS campaign_id,
	CASE WHEN r ->> 'campaign_id' = '' THEN r ->> 'campaign' ELSE '' END AS campaign, m ->> 'currency' AS currency,
	(r ->> 'orders')::numeric AS orders, (m ->> 'amount')::numeric AS revenue
FROM answers AS a, jsonb_array_elements(a.body -> 'rows') AS r, jsonb_array_elements(r -> 'revenue_by_currency') AS m
WHERE a.kind = 'attribution';

WITH api AS (
	SELECT model, day, unattributed, platform, campaign_id, campaign, currency, sum(orders) AS orders, sum(revenue) AS revenue
	FROM api_rows GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(orders) <> 0 OR sum(revenue) <> 0),
own AS (
	SELECT c.model, c.day, NOT c.attributed AS unattributed, l.platform, l.campaign_id,
		CASE WHEN l.campaign_id = '' THEN c.campaign ELSE '' END AS campaign, c.currency,
		sum(c.orders) AS orders, sum(c.revenue) AS revenue
	FROM credits AS c JOIN links AS l USING (source, campaign)
	GROUP BY GROUPING SETS ((1, 2, 3, 4, 5, 6, 7), (1, 3, 4, 5, 6, 7)))
SELECT 'attribution: the files say', x.* FROM (SELECT * FROM own EXCEPT SELECT * FROM api) AS x
UNION ALL
SELECT 'attribution: the API says', x.* FROM (SELECT * FROM api EXCEPT SELECT * FROM own) AS x;

-- Per model the rows add up to the summary's net, exactly; so do the orders.
WITH rows_net AS (
	SELECT model, day, currency, sum(revenue) AS revenue, sum(orders) AS orders FROM api_rows GROUP BY 1, 2, 3),
summary_net AS (
	SELECT a.day, f ->> 'currency' AS currency, (f -> 'net' ->> 'amount')::numeric AS net, (f ->> 'orders')::numeric AS orders
	FROM answers AS a, jsonb_array_elements(a.body -> 'by_currency') AS f WHERE a.kind = 'summary')
SELECT 'rows do not add up to net', r.*, s.* FROM rows_net AS r FULL JOIN summary_net AS s
	ON r.day IS NOT DISTINCT FROM s.day AND r.currency = s.currency
WHERE coalesce(r.revenue, 0) <> coalesce(s.net, 0) OR coalesce(r.orders, 0) <> coalesce(s.orders, 0);

-- Every day was asked about, under both models.
SELECT 'days without an answer', count(*) FROM (SELECT DISTINCT day FROM counted) AS d
WHERE (SELECT count(*) FROM answers AS a WHERE a.day = d.day) <> 3 HAVING count(*) > 0;
