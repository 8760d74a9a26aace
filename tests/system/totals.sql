-- What a dataset's figures are, worked out from its CSV files with nothing but SQL: the second opinion that test_totals.sh holds
-- the suite against. Variables: dir (the folder), zone (the shop's). Everything is made in the schema that is first in search_path.
\set ON_ERROR_STOP on

-- ---- the files as they are; COPY reads quotes, commas and line breaks in fields ----

CREATE TABLE csv_orders (order_id text, name text, created_at text, processed_at text, updated_at text, customer_id text, currency text,
	financial_status text, cancelled_at text, test text, country text);
CREATE TABLE csv_lines (order_id text, line_id text, variant_id text, sku text, title text, quantity text, unit_price text, discount text);
CREATE TABLE csv_refunds (order_id text, refund_id text, created_at text, amount text);
CREATE TABLE csv_visits (visitor_id text, order_id text, position text, occurred_at text, source text, source_type text, medium text,
	campaign text, content text, term text, landing_page text, referrer text);
CREATE TABLE csv_ads (platform text, account_id text, campaign_id text, campaign_name text, adset_id text, adset_name text, ad_id text,
	ad_name text, date text, currency text, spend text, impressions text, clicks text, conversions text, conversion_value text);
\cd :dir
\copy csv_orders FROM 'orders.csv' WITH (FORMAT csv, HEADER)
\copy csv_lines FROM 'order_lines.csv' WITH (FORMAT csv, HEADER)
\copy csv_refunds FROM 'refunds.csv' WITH (FORMAT csv, HEADER)
\copy csv_visits FROM 'visits.csv' WITH (FORMAT csv, HEADER)
\copy csv_ads FROM 'ad_insights.csv' WITH (FORMAT csv, HEADER)

ANALYZE csv_orders, csv_lines, csv_refunds, csv_visits, csv_ads;

-- ---- orders ----

-- ISO 4217; every other currency has two digits.
CREATE FUNCTION minor_digits(currency text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV',
			'XAF', 'XOF', 'XPF') THEN 0
		WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
		WHEN currency IN ('CLF', 'UYW') THEN 4
		ELSE 2 END
$$;

-- Orders that count, each on its day in the shop's zone. round() of numeric is half up, away from zero.
CREATE TABLE counted AS
SELECT o.order_id, o.currency, o.processed_at::timestamptz AS processed_at,
	(o.processed_at::timestamptz AT TIME ZONE :'zone')::date AS day,
	coalesce(l.gross, 0) AS gross, coalesce(r.refunds, 0) AS refunds, coalesce(l.gross, 0) - coalesce(r.refunds, 0) AS net
FROM csv_orders AS o
LEFT JOIN (SELECT l.order_id,
		sum(round(l.quantity::numeric * l.unit_price::numeric - l.discount::numeric, minor_digits(o.currency))) AS gross
	FROM csv_lines AS l JOIN csv_orders AS o USING (order_id) GROUP BY 1) AS l USING (order_id)
LEFT JOIN (SELECT order_id, sum(amount::numeric) AS refunds FROM csv_refunds GROUP BY 1) AS r USING (order_id)
WHERE o.cancelled_at IS NULL AND o.test = 'false' AND o.financial_status <> 'VOIDED';

CREATE TABLE spend AS
SELECT platform, currency, date::date AS day, sum(spend::numeric) AS spend FROM csv_ads GROUP BY 1, 2, 3;

-- ---- touches ----

-- Those that count, first to last: at or before the order and within 28 days of it; equal times by position.
CREATE TABLE touches AS
SELECT o.order_id, o.day, o.currency, o.net, coalesce(v.source, '') AS source, coalesce(v.campaign, '') AS campaign,
	row_number() OVER w AS place, count(*) OVER (PARTITION BY o.order_id) AS n
FROM counted AS o JOIN csv_visits AS v USING (order_id)
WHERE v.occurred_at::timestamptz <= o.processed_at AND v.occurred_at::timestamptz >= o.processed_at - interval '672 hours'
WINDOW w AS (PARTITION BY o.order_id ORDER BY v.occurred_at::timestamptz, v.position::bigint);

-- Shares of an amount in millionths add up to it exactly; what does not divide goes to the earliest.
CREATE FUNCTION share(amount numeric, n bigint, place bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
	SELECT sign(amount) * (div(abs(amount) * 1000000, n) + (place <= mod(abs(amount) * 1000000, n))::int) / 1000000
$$;

CREATE TABLE credits AS
SELECT 'last_touch' AS model, day, currency, source, campaign, true AS attributed, net AS revenue, 1::numeric AS orders
FROM touches WHERE place = n
UNION ALL
SELECT 'linear', day, currency, source, campaign, true, share(net, n, place), share(1, n, place) FROM touches
UNION ALL
SELECT model, day, currency, '', '', false, net, 1
FROM counted CROSS JOIN (VALUES ('last_touch'), ('linear')) AS m (model)
WHERE order_id NOT IN (SELECT order_id FROM touches);

ANALYZE counted, spend, touches, credits;

-- ---- which campaign of an ad platform a link means ----

CREATE TABLE names AS
SELECT platform, account_id, campaign_id, campaign_name AS name,
	max(date::date) = max(max(date::date)) OVER (PARTITION BY platform, account_id, campaign_id) AS latest
FROM csv_ads GROUP BY 1, 2, 3, 4;

CREATE FUNCTION platform_of(source text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN lower(source) IN ('facebook', 'instagram', 'fb', 'ig', 'meta') THEN 'meta'
		WHEN lower(source) IN ('google', 'adwords', 'googleads', 'youtube') THEN 'google'
		WHEN lower(source) = 'tiktok' THEN 'tiktok'
		ELSE '' END
$$;

-- By id, which belongs to the platform that the source names when several know it; then by a name, past or present, of that platform.
CREATE TABLE links AS
SELECT l.source, l.campaign, coalesce(i.platform, n.platform, '') AS platform, coalesce(i.campaign_id, n.campaign_id, '') AS campaign_id
FROM (SELECT DISTINCT source, campaign FROM credits) AS l
LEFT JOIN LATERAL (SELECT platform, campaign_id FROM names WHERE campaign_id = l.campaign AND l.campaign <> ''
	AND (platform = platform_of(l.source)
		OR (SELECT count(DISTINCT platform) FROM names WHERE campaign_id = l.campaign) = 1)
	ORDER BY platform = platform_of(l.source) DESC LIMIT 1) AS i ON true
LEFT JOIN LATERAL (SELECT platform, campaign_id FROM names WHERE name = l.campaign AND l.campaign <> ''
	AND platform = platform_of(l.source) ORDER BY latest DESC, campaign_id COLLATE "C", account_id COLLATE "C" LIMIT 1) AS n ON true;

-- ---- what the API has answered: one row a document ----

CREATE TABLE answers (kind text, model text, day date, body jsonb);
