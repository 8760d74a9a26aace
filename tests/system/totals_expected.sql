-- The second opinion itself against the expected.json that comes with a dataset. Variable: expected (the document).
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
CREATE TEMP TABLE expected AS SELECT :'expected'::jsonb AS e;

SELECT 'total', n, gross, refunds, net, e FROM (SELECT count(*) AS n, sum(gross) AS gross, sum(refunds) AS refunds, sum(net) AS net
	FROM counted) AS c, expected
WHERE n <> (e ->> 'orders')::int OR gross <> (e ->> 'gross')::numeric OR refunds <> (e ->> 'refunds')::numeric
	OR net <> (e ->> 'net')::numeric OR (SELECT count(*) FROM csv_orders) <> (e ->> 'orders_in_file')::int;

WITH own AS (SELECT day, count(*) AS n, sum(gross) AS gross, sum(refunds) AS refunds FROM counted GROUP BY 1),
want AS (SELECT d.key::date AS day, (d.value ->> 0)::bigint AS n, (d.value ->> 1)::numeric AS gross, (d.value ->> 2)::numeric AS refunds
	FROM expected, jsonb_each(e -> 'by_day_in_zone') AS d)
SELECT 'by day', * FROM (TABLE own EXCEPT TABLE want) AS x
UNION ALL
SELECT 'by day, expected', * FROM (TABLE want EXCEPT TABLE own) AS x;

WITH own AS (SELECT platform, sum(spend) AS spend FROM spend GROUP BY 1),
want AS (SELECT key AS platform, value::numeric AS spend FROM expected, jsonb_each_text(e -> 'spend'))
SELECT 'spend', * FROM want FULL JOIN own USING (platform) WHERE coalesce(want.spend, 0) <> coalesce(own.spend, 0);

WITH own AS (SELECT CASE WHEN attributed THEN source || '/' || campaign ELSE 'unattributed' END AS link, sum(revenue) AS net
	FROM credits WHERE model = 'last_touch' GROUP BY 1),
want AS (SELECT key AS link, value::numeric AS net FROM expected, jsonb_each_text(e -> 'last_touch_28d_net_by_source_and_campaign'))
SELECT 'last touch', * FROM want FULL JOIN own USING (link) WHERE want.net IS DISTINCT FROM own.net;
