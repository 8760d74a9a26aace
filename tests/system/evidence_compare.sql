-- Prints what is wrong with the answers in `given`: no row, no fault. The values of the evidence against the files; the text of the
-- answer against the evidence, its numbers found by patterns of this file alone. Read next: evidence.sql.
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned

CREATE TEMP VIEW proofs AS
SELECT who, e ->> 'id' AS id, e ->> 'tool' AS tool, (e ->> 'arguments')::jsonb AS arguments, e ->> 'metric' AS metric,
	(e ->> 'value')::numeric AS value, e ->> 'unit' AS unit
FROM given, jsonb_array_elements(body -> 'evidence') AS e;

-- ---- 1. every value, from the files ----

CREATE TEMP TABLE known AS
SELECT p.who, p.id, f.value, f.unit FROM proofs AS p, summary_figures((p.arguments ->> 'from')::date, (p.arguments ->> 'to')::date) AS f
WHERE p.tool = 'get_summary' AND f.metric = p.metric
UNION ALL
SELECT p.who, p.id, f.value, f.unit FROM proofs AS p,
	attribution_figures(p.arguments ->> 'by', p.arguments ->> 'model', (p.arguments ->> 'from')::date, (p.arguments ->> 'to')::date) AS f
WHERE p.tool = 'get_attribution' AND f.metric = p.metric AND p.arguments ->> 'window' = '28d' AND p.arguments ->> 'measure' = 'net';

-- What was calculated, from the values of its inputs, which stand in the evidence as well.
INSERT INTO known
SELECT p.who, p.id,
	CASE p.arguments ->> 'op'
		WHEN 'sum' THEN x.sum
		WHEN 'difference' THEN x.of[1] - x.of[2]
		WHEN 'ratio' THEN round(x.of[1] / x.of[2], 6)
		WHEN 'share' THEN round(x.of[1] * 100 / x.of[2], 6)
		WHEN 'average' THEN round(x.sum / cardinality(x.of), 6) END,
	p.unit
FROM proofs AS p, LATERAL (
	SELECT array_agg(i.value ORDER BY o.place) AS of, sum(i.value) AS sum
	FROM jsonb_array_elements_text(p.arguments -> 'of') WITH ORDINALITY AS o (id, place) JOIN proofs AS i ON i.who = p.who AND i.id = o.id
	HAVING count(*) = jsonb_array_length(p.arguments -> 'of')) AS x
WHERE p.tool = 'calculate';

SELECT 'evidence differs from the files', p.*, k.value AS must, k.unit AS must_be_in FROM proofs AS p LEFT JOIN known AS k USING (who, id)
WHERE k.value IS NULL OR k.value <> p.value OR k.unit <> p.unit;

SELECT 'an id stands for several figures', who, id FROM proofs GROUP BY who, id HAVING count(*) > 1;

-- ---- 2. every number of the text that is cited ----

CREATE TEMP TABLE cited AS
SELECT who, m[1] AS written, replace(m[1], ',', '')::numeric AS number, length(coalesce(split_part(m[1], '.', 2), '')) AS digits, m[2] AS unit,
	m[3] AS id
FROM given, regexp_matches(body ->> 'answer', '(-?[0-9][0-9,]*(?:\.[0-9]+)?)(%|x| [A-Za-z]+)? \[(e[0-9]+)\]', 'g') AS m;

SELECT 'a cited number is not the figure', c.*, p.value, p.unit FROM cited AS c LEFT JOIN proofs AS p USING (who, id)
WHERE p.value IS NULL OR round(p.value, c.digits) <> c.number;

SELECT 'a cited number has another unit', c.*, p.unit FROM cited AS c JOIN proofs AS p USING (who, id)
WHERE CASE
	WHEN c.unit = '%' THEN p.unit <> 'percent'
	WHEN c.unit = 'x' THEN p.unit <> ''
	WHEN p.unit IN ('GBP', 'USD') THEN trim(c.unit) IS DISTINCT FROM p.unit
	WHEN p.unit = 'percent' THEN true
	ELSE false END;

-- Commas stand between groups of three.
SELECT 'a number is not written in the English way', c.* FROM cited AS c WHERE written LIKE '%,%' AND written !~ '^-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$';

-- A figure of a campaign stands in a sentence that names the campaign, and no other where it stands alone.
SELECT 'a figure stands beside another campaign', s.who, s.line FROM (
	SELECT g.who, line FROM given AS g, regexp_split_to_table(g.body ->> 'answer', '\n') AS line) AS s,
	regexp_matches(s.line, '\[(e[0-9]+)\]', 'g') AS m JOIN proofs AS p ON p.id = m[1]
WHERE p.who = s.who AND p.metric LIKE 'rows[%campaign_id=1%' AND strpos(s.line, substring(p.metric FROM 'campaign=(.*)\]\.')) = 0;

-- ---- 3. every other number of the text ----

-- What may stand without evidence: names of campaigns, days, times, the window. What is left holds no digit.
CREATE TEMP TABLE rest AS
SELECT who, body ->> 'answer' AS text FROM given;
UPDATE rest SET text = regexp_replace(text, '-?[0-9][0-9,]*(\.[0-9]+)?(%|x| [A-Za-z]+)? \[e[0-9]+\]', '', 'g');
UPDATE rest SET text = replace(text, '"' || n.name || '"', '') FROM (SELECT min(name) AS name FROM names WHERE campaign_id = '100001') AS n;
UPDATE rest SET text = replace(text, '"' || n.name || '"', '') FROM (SELECT min(name) AS name FROM names WHERE campaign_id = '100002') AS n;
UPDATE rest SET text = replace(text, '"' || n.name || '"', '') FROM (SELECT min(name) AS name FROM names WHERE campaign_id = '100003') AS n;
UPDATE rest SET text = regexp_replace(text, '\m[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]+Z)?', '', 'g');
UPDATE rest SET text = regexp_replace(text, '\m28([ -]days?|d)\M', '', 'g');
UPDATE rest SET text = regexp_replace(text, '\[e[0-9]+\]', '', 'g');
SELECT 'a number without evidence', who, m[1] FROM rest, regexp_matches(text, '(.{0,30}[0-9].{0,30})', 'g') AS m;
SELECT 'a number in words', who, m[1] FROM rest, regexp_matches(text,
	'\m(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|'
	'billion|dozen|half|twice|double|doubled|triple|tripled|quarter)\M', 'gi') AS m;

-- The days are the shop's, the times the sources'.
SELECT 'a day that is none of the data', g.who, m[1] FROM given AS g, regexp_matches(g.body ->> 'answer', '\m([0-9]{4}-[0-9]{2}-[0-9]{2})', 'g') AS m
WHERE m[1]::date NOT BETWEEN (SELECT min(day) FROM counted) AND (SELECT max(day) + 1 FROM counted);

-- ---- 4. the answer itself ----

SELECT 'numbers stayed untraced', who, body -> 'untraced' FROM given WHERE body -> 'untraced' <> '[]';
SELECT 'too little is cited', who, n FROM (SELECT who, (SELECT count(*) FROM cited AS c WHERE c.who = g.who) AS n FROM given AS g) AS x WHERE n < 12;
SELECT 'findings or recommendations are missing', who FROM given WHERE jsonb_array_length(body -> 'findings') < 3 OR jsonb_array_length(body -> 'recommendations') < 1;
SELECT 'a finding is not in the text', g.who, f FROM given AS g, jsonb_array_elements_text(g.body -> 'findings') AS f WHERE strpos(g.body ->> 'answer', f) = 0;
-- How much did each earn: the revenue of each campaign is cited.
SELECT 'a campaign is left out', g.who, k.campaign_id FROM given AS g, (SELECT DISTINCT campaign_id FROM csv_ads) AS k
WHERE NOT EXISTS (SELECT FROM cited AS c JOIN proofs AS p USING (who, id) WHERE c.who = g.who
	AND p.metric LIKE format('rows[%%campaign_id=%s,%%].revenue', k.campaign_id));
