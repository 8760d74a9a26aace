/*
 * Numbers in texts: what is found, where, and how it is read; and that nothing passes unseen.
 * long: a table of written forms.
 */
#include "numbers.h"

#include "core/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "{1,234.56 GBP}digits 1234.56 GBP grouped {[e12]}marker 12" */
static void describe(const char *text, char *out, size_t cap)
{
	static const char *const forms[] = { "digits", "words",  "ordinal", "date",
					     "time",   "marker", "odd" };
	size_t pos = 0, at = 0, len = strlen(text);
	struct number n;

	out[0] = '\0';
	while (numbers_next(text, len, &pos, &n) && at < cap - 200) {
		char value[FIGURE_TEXT];

		at += (size_t)snprintf(out + at, cap - at, "%s{%.*s}%s", at > 0 ? " " : "",
				       (int)n.len, text + n.offset, forms[n.form]);
		figure_print(n.value, 0, value);
		if (n.form == NUMBER_DATE || n.form == NUMBER_TIME)
			at += (size_t)snprintf(out + at, cap - at, " %d-%d-%d %d:%d", n.year,
					       n.month, n.day, n.hour, n.minute);
		for (size_t i = 0; n.form == NUMBER_MARKER && i < n.n_ids; i++)
			at += (size_t)snprintf(out + at, cap - at, " %d", n.ids[i]);
		if (n.form != NUMBER_DIGITS && n.form != NUMBER_WORDS && n.form != NUMBER_ORDINAL)
			continue;
		at += (size_t)snprintf(out + at, cap - at, " %s", value);
		if (n.power > 0)
			at += (size_t)snprintf(out + at, cap - at, "*10^%d", n.power);
		at += (size_t)snprintf(
			out + at, cap - at, "%s%s%s%s%s%s", n.unit == NUMBER_PERCENT ? " %" : "",
			n.unit == NUMBER_TIMES ? " x" : "", n.unit == NUMBER_CURRENCY ? " " : "",
			n.code, n.grouped ? " grouped" : "", n.in_word ? " inside" : "");
		if (n.unit == NUMBER_NOUN)
			at += (size_t)snprintf(out + at, cap - at, " of %s", n.word);
	}
}

static const struct {
	const char *text, *found;
} forms[] = {
	{ "1,234.56 GBP [e12]", "{1,234.56 GBP}digits 1234.56 GBP grouped {[e12]}marker 12" },
	{ "1.234,56", "{1.234,56}odd" },
	{ "\xc2\xa3"
	  "1,234.56",
	  "{\xc2\xa3"
	  "1,234.56}digits 1234.56 \xc2\xa3 grouped" },
	{ "$1.2k", "{$1.2k}digits 1.2*10^3 $" },
	{ "2M", "{2M}digits 2*10^6" },
	{ "1.5 million", "{1.5 million}digits 1.5*10^6" },
	{ "12%", "{12%}digits 12 %" },
	{ "12 %", "{12 %}digits 12 %" },
	{ "3.5x", "{3.5x}digits 3.5 x" },
	{ "3.5 times", "{3.5 times}digits 3.5 x" },
	{ "-5", "{-5}digits -5" },
	{ "\xe2\x88\x92"
	  "5.2%",
	  "{\xe2\x88\x92"
	  "5.2%}digits -5.2 %" },
	{ "revenue\xe2\x80\x94"
	  "5 GBP",
	  "{5 GBP}digits 5 GBP" },
	{ "10-20", "{10}digits 10 {20}digits 20" },
	{ "10\xe2\x80\x93"
	  "20%",
	  "{10}digits 10 {20%}digits 20 %" },
	{ "\xc2\xa3"
	  "10\xe2\x80\x93\xc2\xa3"
	  "20",
	  "{\xc2\xa3"
	  "10}digits 10 \xc2\xa3 {\xc2\xa3"
	  "20}digits 20 \xc2\xa3" },
	{ "twenty-one", "{twenty-one}words 21" },
	{ "one hundred and five orders", "{one hundred and five}words 105 of orders" },
	{ "two hundred thousand", "{two hundred thousand}words 200000" },
	{ "half", "{half}words 50 %" },
	{ "half a million", "{half a million}odd" },
	{ "twice", "{twice}words 2 x" },
	{ "double", "{double}words 2 x" },
	{ "double-check", "" },
	{ "tripled", "{tripled}words 3 x" },
	{ "thirteenth", "{thirteenth}ordinal 13" },
	{ "twenty-first", "{twenty-first}ordinal 21" },
	{ "third", "{third}ordinal 3" },
	{ "two-thirds", "{two-thirds}odd" },
	{ "a dozen", "{dozen}words 12" },
	{ "thousands of orders", "{thousands}odd" },
	{ "a quarter of", "{quarter}words 25 %" },
	{ "last quarter", "" },
	{ "1/3", "{1/3}odd" },
	{ "\xc2\xbd", "{\xc2\xbd}odd" },
	{ "1\xc2\xbd", "{1\xc2\xbd}odd" },
	{ "1e6", "{1e6}odd" },
	{ "1.2E+3", "{1.2E+3}odd" },
	{ "1.2 \xc3\x97 10^6", "{1.2 \xc3\x97 10^6}odd" },
	{ "1.2x10\xe2\x81\xb6", "{1.2x10\xe2\x81\xb6}odd" },
	{ "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93", "{\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93}odd" },
	{ "1 234", "{1 234}odd" },
	{ "1 234 567", "{1 234 567}odd" },
	{ "1 234,56", "{1 234}odd {56}digits 56" },
	{ "1'234", "{1'234}digits 1234 grouped" },
	{ "1\xe2\x80\x8b"
	  "234",
	  "{1\xe2\x80\x8b"
	  "234}odd" },
	{ "2011-03-01", "{2011-03-01}date 2011-3-1 -1:-1" },
	{ "2011-03", "{2011-03}date 2011-3-0 -1:-1" },
	{ "2011-03-01T09:30:00Z", "{2011-03-01T09:30:00Z}date 2011-3-1 9:30" },
	{ "1 March 2011", "{1 March 2011}date 2011-3-1 -1:-1" },
	{ "March 1, 2011", "{March 1, 2011}date 2011-3-1 -1:-1" },
	{ "March 1st", "{March 1st}date 0-3-1 -1:-1" },
	{ "March 2011", "{March 2011}date 2011-3-0 -1:-1" },
	{ "May 5%", "{5%}digits 5 %" },
	{ "March 10,000", "{10,000}digits 10000 grouped" },
	{ "14:30", "{14:30}time 0-0-0 14:30" },
	{ "3:1", "{3:1}odd" },
	{ "2.30pm", "{2.30}digits 2.3 inside of pm" },
	{ "11:30 pm", "{11:30 pm}time 0-0-0 23:30" },
	{ "Q3 2011", "{3}digits 3 inside {2011}digits 2011" },
	{ "B2B", "{2B}digits 2*10^9 inside" },
	{ "28d", "{28}digits 28 inside of d" },
	{ "28-day", "{28}digits 28 of day" },
	{ "24/7", "{24/7}odd" },
	{ "50p", "{50p}odd" },
	{ "12 pence", "{12 pence}odd" },
	{ "GBP 1,234", "{GBP 1,234}digits 1234 GBP grouped" },
	{ "US$5", "{US$5}digits 5 USD" },
	{ "$5 USD", "{$5 USD}digits 5 USD" },
	{ "\xc2\xa3"
	  "5 USD",
	  "{\xc2\xa3"
	  "5 USD}odd" },
	{ "5 pounds", "{5 pounds}digits 5 \xc2\xa3" },
	{ "ALL 5", "{5}digits 5" },
	{ "[e1][e2]", "{[e1]}marker 1 {[e2]}marker 2" },
	{ "[e1, e2]", "{[e1, e2]}marker 1 2" },
	{ "[e0]", "{0}digits 0 inside" },
	{ "[e99999]", "{99999}digits 99999 inside" },
	{ "#1001", "{1001}digits 1001" },
	{ ".5", "{.5}digits 0.5" },
	{ "007", "{007}odd" },
	{ "1,23", "{1,23}odd" },
	{ "1.2.3", "{1.2.3}odd" },
	{ "10,000,000.5", "{10,000,000.5}digits 10000000.5 grouped" },
	{ "fifty percent", "{fifty percent}words 50 %" },
	{ "three times", "{three times}words 3 x" },
	{ "twofold", "{twofold}words 2 x" },
	{ "five dozen", "{five dozen}odd" },
	{ "five and six", "{five}words 5 of and {six}words 6" },
	{ "one point five", "{one point five}odd" },
	{ "12,5", "{12,5}odd" },
	{ "I II \xe4\xb8\x89", "{\xe4\xb8\x89}odd" },
	{ "\xd9\xa3\xd9\xa4\xd9\xa5", "{\xd9\xa3\xd9\xa4\xd9\xa5}odd" },
	{ "\xe2\x82\xb9"
	  "500",
	  "{\xe2\x82\xb9"
	  "500}digits 500 ?" },
	{ "500 \xe2\x82\xb9", "{500 \xe2\x82\xb9}digits 500 ?" },
	{ "5\xe2\x82\xac", "{5\xe2\x82\xac}digits 5 \xe2\x82\xac" },
	{ "1.5bn", "{1.5bn}digits 1.5*10^9" },
	{ "5m", "{5m}digits 5*10^6" },
	{ "5 m", "{5 m}digits 5*10^6" },
	{ "100k orders", "{100k}digits 100*10^3 of orders" },
	{ "12th", "{12th}ordinal 12" },
	{ "1st", "{1st}ordinal 1" },
	{ "12.5 %", "{12.5 %}digits 12.5 %" },
	{ "five million pounds", "{five million pounds}words 5000000 \xc2\xa3" },
	{ "minus 5", "{5}digits -5" },
	{ "+5%", "{5%}digits 5 %" },
	{ "(5 GBP)", "{5 GBP}digits 5 GBP" },
	{ "5%-10%", "{5%}digits 5 % {10%}digits 10 %" },
	{ "10,5,3", "{10,5,3}odd" },
	{ "3 x 4", "{3}digits 3 of x {4}digits 4" },
	{ "3x4", "{3}digits 3 inside of x {4}digits 4 inside" },
	{ "1,234.", "{1,234}digits 1234 grouped" },
	{ "1,234, and", "{1,234}digits 1234 grouped" },
	{ "between 1 and 2", "{1}digits 1 of and {2}digits 2" },
	{ "one of them", "{one}words 1 of of" },
	{ "no numbers here", "" },
	{ "Revenue was 1,234.56 GBP [e12], up 12.5% [e3].",
	  "{1,234.56 GBP}digits 1234.56 GBP grouped {[e12]}marker 12 {12.5%}digits 12.5 % "
	  "{[e3]}marker 3" },
	{ "1,000", "{1,000}digits 1000 grouped" },
	{ "1,0000", "{1,0000}odd" },
	{ "12,34,567", "{12,34,567}odd" },
	{ "1,234,56", "{1,234,56}odd" },
	{ "1.000,00", "{1.000,00}odd" },
	{ "0", "{0}digits 0" },
	{ "0.5", "{0.5}digits 0.5" },
	{ "00.5", "{00.5}odd" },
	{ "5.", "{5}digits 5" },
	{ "$5", "{$5}digits 5 $" },
	{ "$-5", "{$-5}digits -5 $" },
	{ "-$5", "{-$5}digits -5 $" },
	{ "- 5 campaigns", "{5}digits 5 of campaigns" },
	{ "top-10", "{10}digits 10" },
	{ "10 - 20", "{10}digits 10 {20}digits 20" },
	{ "10 to 20", "{10}digits 10 of to {20}digits 20" },
	{ "\xe2\x82\xac"
	  "1.5M",
	  "{\xe2\x82\xac"
	  "1.5M}digits 1.5*10^6 \xe2\x82\xac" },
	{ "EUR 2.5bn", "{EUR 2.5bn}digits 2.5*10^9 EUR" },
	{ "1.2 thousand", "{1.2 thousand}digits 1.2*10^3" },
	{ "5 hundred thousand", "{5 hundred thousand}digits 5*10^5" },
	{ "7 lakh", "{7 lakh}digits 7*10^5" },
	{ "2 crore", "{2 crore}digits 2*10^7" },
	{ "3mm", "{3mm}digits 3*10^6" },
	{ "12 per cent", "{12 per cent}digits 12 %" },
	{ "12 percent", "{12 percent}digits 12 %" },
	{ "12 pct", "{12 pct}digits 12 %" },
	{ "5 percentage points", "{5 percentage}digits 5 %" },
	{ "5\xe2\x80\xb0", "{5\xe2\x80\xb0}odd" },
	{ "50 basis points", "{50 basis}odd" },
	{ "20bps", "{20bps}odd" },
	{ "4-fold", "{4-fold}digits 4 x" },
	{ "4 fold", "{4 fold}digits 4 x" },
	{ "tenfold", "{tenfold}words 10 x" },
	{ "hundredfold", "{hundredfold}odd" },
	{ "zero", "{zero}words 0" },
	{ "one", "{one}words 1" },
	{ "ninety-nine", "{ninety-nine}words 99" },
	{ "one thousand two hundred and thirty-four",
	  "{one thousand two hundred and thirty-four}words 1234" },
	{ "a hundred", "{hundred}words 100" },
	{ "a million", "{million}words 1000000" },
	{ "hundreds", "{hundreds}odd" },
	{ "dozens of campaigns", "{dozens}odd" },
	{ "a couple of ads", "{couple}words 2 of of" },
	{ "a pair", "{pair}words 2" },
	{ "twice as much", "{twice}words 2 x" },
	{ "doubled", "{doubled}words 2 x" },
	{ "halved", "{halved}words 50 %" },
	{ "thrice", "{thrice}words 3 x" },
	{ "quadrupled", "{quadrupled}words 4 x" },
	{ "double down", "" },
	{ "half of it", "{half}words 50 %" },
	{ "half a dozen", "{half a dozen}odd" },
	{ "three quarters of", "{three quarters}odd" },
	{ "one third", "{one third}odd" },
	{ "a third of", "{third}odd" },
	{ "two and a half", "{two and a half}odd" },
	{ "first", "{first}ordinal 1" },
	{ "second place", "{second}ordinal 2" },
	{ "twelfth", "{twelfth}ordinal 12" },
	{ "twentieth", "{twentieth}ordinal 20" },
	{ "thirty-third", "{thirty-third}ordinal 33" },
	{ "hundredth", "{hundredth}odd" },
	{ "22nd", "{22nd}ordinal 22" },
	{ "3rd-best", "{3rd}ordinal 3" },
	{ "11th hour", "{11th}ordinal 11" },
	{ "seconds", "" },
	{ "someone often", "" },
	{ "tenant", "" },
	{ "weight", "" },
	{ "1\xe2\x81\x84"
	  "3",
	  "{1\xe2\x81\x84"
	  "3}odd" },
	{ "\xe2\x85\x93", "{\xe2\x85\x93}odd" },
	{ "\xc2\xbe of", "{\xc2\xbe}odd" },
	{ "x\xc2\xb2", "{\xc2\xb2}odd" },
	{ "\xe2\x91\xa0", "{\xe2\x91\xa0}odd" },
	{ "\xe2\x85\xab", "{\xe2\x85\xab}odd" },
	{ "\xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9", "{\xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9}odd" },
	{ "\xe4\xba\x94\xe7\x99\xbe", "{\xe4\xba\x94\xe7\x99\xbe}odd" },
	{ "\xef\xbc\x91\xef\xbc\x8c\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94\xef\xbc\x8e\xef\xbc\x95",
	  "{\xef\xbc\x91\xef\xbc\x8c\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94\xef\xbc\x8e\xef\xbc\x95}"
	  "odd" },
	{ "12\xef\xbc\x85", "{12\xef\xbc\x85}digits 12 %" },
	{ "\xef\xbc\x84"
	  "5",
	  "{\xef\xbc\x84"
	  "5}digits 5 $" },
	{ "5", "{5}digits 5" },
	{ "1'234'567", "{1'234'567}digits 1234567 grouped" },
	{ "1_000", "{1_000}odd" },
	{ "1\xc2\xb7"
	  "5",
	  "{1\xc2\xb7"
	  "5}odd" },
	{ "12\xef\xbb\xbf"
	  "34",
	  "{12\xef\xbb\xbf"
	  "34}odd" },
	{ "1\xc2\xad"
	  "234",
	  "{1\xc2\xad"
	  "234}odd" },
	{ "2011-13-01", "{2011}digits 2011 {13}digits 13 {01}odd" },
	{ "2011-3-1", "{2011}digits 2011 {3}digits 3 {1}digits 1" },
	{ "01/03/2011", "{01/03/2011}odd" },
	{ "3.1.2011", "{3.1.2011}odd" },
	{ "2011/03/01", "{2011/03/01}odd" },
	{ "31 December", "{31 December}date 0-12-31 -1:-1" },
	{ "31 Dec. 2010", "{31 Dec}date 0-12-31 -1:-1 {2010}digits 2010" },
	{ "Dec 2010", "{Dec 2010}date 2010-12-0 -1:-1" },
	{ "Sept 5", "{Sept 5}date 0-9-5 -1:-1" },
	{ "1st of March 2011", "{1st of March 2011}date 2011-3-1 -1:-1" },
	{ "March 5th, 2011", "{March 5th, 2011}date 2011-3-5 -1:-1" },
	{ "march 5", "{5}digits 5" },
	{ "may 5", "{5}digits 5" },
	{ "2011-03-01 09:30", "{2011-03-01 09:30}date 2011-3-1 9:30" },
	{ "2011-03-01T09:30:00+01:00", "{2011-03-01T09:30:00+01:00}date 2011-3-1 9:30" },
	{ "09:30:15.123Z", "{09:30:15.123Z}time 0-0-0 9:30" },
	{ "25:61", "{25:61}odd" },
	{ "9:5", "{9:5}odd" },
	{ "12:00 am", "{12:00 am}time 0-0-0 0:0" },
	{ "12:00pm", "{12:00pm}time 0-0-0 12:0" },
	{ "v2.0", "{2.0}digits 2 inside" },
	{ "GA4", "{4}digits 4 inside" },
	{ "iPhone 15", "{15}digits 15" },
	{ "SKU-85123A", "{85123}digits 85123 inside of a" },
	{ "A1 B2 C3", "{1 B}digits 1*10^9 inside {2}digits 2 inside of c {3}digits 3 inside" },
	{ "utm_2024", "{2024}digits 2024 inside" },
	{ "e12", "{12}digits 12 inside" },
	{ "[E12]", "{12}digits 12 inside" },
	{ "[e12", "{12}digits 12 inside" },
	{ "(e12)", "{12}digits 12 inside" },
	{ "[e12; e13]", "{[e12; e13]}marker 12 13" },
	{ "[e1 ,e2]", "{[e1 ,e2]}marker 1 2" },
	{ "[ e7 ]", "{[ e7 ]}marker 7" },
	{ "[12]", "{12}digits 12" },
	{ "[e1,2]", "{1,2}odd" },
	{ "[e1][e2], [e3]", "{[e1]}marker 1 {[e2]}marker 2 {[e3]}marker 3" },
	{ "100%", "{100%}digits 100 %" },
	{ "100 %.", "{100 %}digits 100 %" },
	{ "5%.", "{5%}digits 5 %" },
	{ "5,", "{5}digits 5" },
	{ "5;6", "{5}digits 5 {6}digits 6" },
	{ "5&6", "{5}digits 5 {6}digits 6" },
	{ "5+6", "{5}digits 5 {6}digits 6" },
	{ "5=5", "{5}digits 5 {5}digits 5" },
	{ "5<6", "{5}digits 5 {6}digits 6" },
	{ "&#53;", "{53}digits 53" },
	{ "1e10", "{1e10}odd" },
	{ "1E-5", "{1E-5}odd" },
	{ "1.2*10^6", "{1.2*10^6}odd" },
	{ "10^6", "{10^6}odd" },
	{ "2^10", "{2^10}odd" },
	{ "5 x", "{5 x}digits 5 x" },
	{ "5X", "{5X}digits 5 x" },
	{ "5\xc3\x97", "{5\xc3\x97}digits 5 x" },
	{ "x5", "{5}digits 5 inside" },
	{ "5xx", "{5}digits 5 inside of xx" },
	{ "5 x 3", "{5}digits 5 of x {3}digits 3" },
	{ "5 GBP per order", "{5 GBP}digits 5 GBP" },
	{ "5 gbp", "{5 gbp}digits 5 GBP" },
	{ "5 KWD", "{5 KWD}digits 5 KWD" },
	{ "5 US dollars", "{5 US dollars}digits 5 USD" },
	{ "A$12", "{A$12}digits 12 AUD" },
	{ "C$1.2m", "{C$1.2m}digits 1.2*10^6 CAD" },
	{ "\xc2\xa3"
	  "1.2k",
	  "{\xc2\xa3"
	  "1.2k}digits 1.2*10^3 \xc2\xa3" },
	{ "\xc2\xa3 5", "{\xc2\xa3 5}digits 5 \xc2\xa3" },
	{ "5\xc2\xa3", "{5\xc2\xa3}digits 5 \xc2\xa3" },
	{ "5 \xe2\x82\xac", "{5 \xe2\x82\xac}digits 5 \xe2\x82\xac" },
	{ "\xc2\xa5"
	  "5,000",
	  "{\xc2\xa5"
	  "5,000}digits 5000 \xc2\xa5 grouped" },
	{ "JPY 5000", "{JPY 5000}digits 5000 JPY" },
	{ "\xc2\xa2"
	  "5",
	  "{\xc2\xa2"
	  "5}digits 5 ?" },
	{ "5 cents", "{5 cents}odd" },
	{ "5 p", "{5 p}odd" },
	{ "5km", "{5}digits 5 inside of km" },
	{ "5 units", "{5}digits 5 of units" },
	{ "10 orders.", "{10}digits 10 of orders" },
	{ "10 (ten)", "{10}digits 10 {ten}words 10" },
	{ "the 3 best", "{3}digits 3 of best" },
	{ "24 hours", "{24}digits 24 of hours" },
	{ "top 3", "{3}digits 3" },
	{ "No. 1", "{1}digits 1" },
	{ "#1", "{1}digits 1" },
	{ "1. First", "{1}digits 1 {First}ordinal 1" },
	{ "1) First", "{1}digits 1 {First}ordinal 1" },
	{ "99.9%", "{99.9%}digits 99.9 %" },
	{ "0.00001", "{0.00001}digits 0.00001" },
	{ "123456789012345678901234567890",
	  "{123456789012345678901234567890}digits 123456789012345678901234567890" },
	{ "1234567890123456789012345678901", "{1234567890123456789012345678901}odd" },
	{ "9,999,999,999.99", "{9,999,999,999.99}digits 9999999999.99 grouped" },
	{ "5 usd", "{5 usd}digits 5 USD" },
	{ "5 Canadian dollars", "{5 Canadian dollars}digits 5 CAD" },
	{ "5 bn", "{5 bn}digits 5*10^9" },
	{ "5 k", "{5 k}digits 5*10^3" },
	{ "5 M", "{5 M}digits 5*10^6" },
	{ "by a third", "{third}odd" },
	{ "the third campaign", "{third}ordinal 3" },
	{ "two fifths", "{two fifths}odd" },
	{ "two second", "{two}words 2 of second {second}ordinal 2" },
	{ "negative 5%", "{5%}digits -5 %" },
	{ "five zillion", "{five zillion}odd" },
	{ "5 thousandths", "{5}digits 5 of thousandths {thousandths}odd" },
	{ "\xc2\xa3"
	  "5 GBP",
	  "{\xc2\xa3"
	  "5 GBP}digits 5 GBP" },
	{ "5 Kuwaiti dinars", "{5 Kuwaiti dinars}digits 5 KWD" },
	{ "by a quarter", "{quarter}words 25 %" },
	{ "a quarter less", "{quarter}words 25 %" },
	{ "for a quarter more", "{quarter}words 25 %" },
	{ "a quarter ago", "" },
	{ "once a quarter", "" },
	{ "this quarter, the quarter", "" },
	{ "low twenties", "{twenties}odd" },
	{ "mid-forties", "{forties}odd" },
	{ "in the seventies", "{seventies}odd" },
	{ "quintupling", "{quintupling}words 5 x" },
	{ "quintupled", "{quintupled}words 5 x" },
	{ "quadrupling", "{quadrupling}words 4 x" },
	{ "centuple", "{centuple}words 100 x" },
	{ "threescore", "{threescore}words 60" },
	{ "sextillion", "{sextillion}odd" },
	{ "two octillion", "{two octillion}odd" },
	{ "gazillions", "{gazillions}odd" },
	{ "pavilion of a battalion", "" },
	{ "a myriad", "{myriad}odd" },
	{ "a duo", "{duo}words 2" },
	{ "the trio", "{trio}words 3" },
	{ "quartet", "{quartet}words 4" },
	{ "quintet", "{quintet}words 5" },
	{ "the last fifth", "{fifth}odd" },
	{ "the last fourth", "{fourth}odd" },
	{ "the fourth campaign", "{fourth}ordinal 4" },
	/* Written together: found, and not read. */
	{ "ninetynine percent", "{ninetynine}odd" },
	{ "twohundred pounds", "{twohundred}odd" },
	{ "Thirtyfive orders", "{Thirtyfive}odd" },
	{ "nineteenhundred visits", "{nineteenhundred}odd" },
	{ "onehundred times", "{onehundred}odd" },
	{ "sixthousand, sixthousandth", "{sixthousand}odd {sixthousandth}odd" },
	{ "onehundredandfive", "{onehundredandfive}odd" },
	{ "twohundred and five", "{twohundred}odd {five}words 5" },
	{ "two hundredthousand", "{two hundredthousand}odd" },
	{ "twothirds, ninetyninth", "{twothirds}odd {ninetyninth}odd" },
	{ "twozillion", "{twozillion}odd" },
	{ "fiftypercent, fiftypounds", "{fiftypercent}odd {fiftypounds}odd" },
	{ "fortyish, twentysomething", "{fortyish}odd {twentysomething}odd" },
	{ "twoandahalf, halfdozen", "{twoandahalf}odd {halfdozen}odd" },
	{ "a foursome", "{foursome}odd" },
	{ "nonuple", "{nonuple}words 9 x" },
	{ "nonupled", "{nonupled}words 9 x" },
	{ "a fiver, two tenners", "{fiver}odd {two tenners}odd" },
	{ "often tone someone attend weighten tenant seconds", "" },
	{ "stone network freight height handsome sometimes", "" },
	{ "grandson tension pairing scored onesie oneself", "" },
	{ "tendency sixer hundredweight secondary threefoldy", "" },
	{ "sixty", "{sixty}words 60" },
	{ "sixteen", "{sixteen}words 16" },
	/* In parts: one word to its reader. */
	{ "fif**ty** GBP", "{fif**ty}odd" },
	{ "fif\xc2\xadty GBP", "{fif\xc2\xadty}odd" },
	{ "fif\xe2\x80\x8bty", "{fif\xe2\x80\x8bty}odd" },
	{ "f*i*f_t_`y`~~", "{f*i*f_t_`y}odd" },
	{ "six**ty** GBP", "{six**ty}odd" },
	{ "twenty**one**", "{twenty**one}odd" },
	{ "fif-ty, six-ty, six\xe2\x80\x91ty", "{fif-ty}odd {six-ty}odd {six\xe2\x80\x91ty}odd" },
	{ "fif**ty**-five", "{fif**ty}odd {five}words 5" },
	{ "**fifty** GBP, *ten*.", "{fifty}words 50 {ten}words 10" },
	{ "**fif**ty", "{fif**ty}odd" },
	{ "two-fold, sixty-five", "{two-fold}words 2 x {sixty-five}words 65" },
	{ "top_ten, of\xc2\xadt, s**t**one", "{ten}words 10 {one}words 1" },
};

static void test_forms(void **state)
{
	char found[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		describe(forms[i].text, found, sizeof(found));
		if (strcmp(found, forms[i].found) != 0)
			print_message("%s\n", forms[i].text);
		assert_string_equal(found, forms[i].found);
	}
	print_message("# %zu written forms\n", sizeof(forms) / sizeof(*forms));
}

/* Pieces of which texts are made at random: digits, signs, words, characters of many bytes. */
static const char *const pieces[] = {
	"0",
	"1",
	"9",
	"12",
	",",
	".",
	"-",
	" ",
	"e",
	"x",
	"%",
	"$",
	"k",
	"[e1]",
	"[",
	"]",
	"one",
	"twenty",
	"hundred",
	"and",
	"half",
	"\n",
	"/",
	":",
	"GBP",
	"March",
	"\xc2\xa3",
	"\xe2\x88\x92",
	"\xc2\xa0",
	"\xe2\x80\xaf",
	"\xef\xbc\x95",
	"\xc2\xbd",
	"\xe2\x80\x8b",
	"\xff",
	"\xe2\x82",
	"th",
	"st",
	"'",
	"_",
	"per cent",
	"million",
	"T09:30",
	"2011-03-01",
	"a ",
};
#define PIECES (sizeof(pieces) / sizeof(*pieces))

static uint32_t random_below(uint32_t n)
{
	uint32_t r;

	random_bytes(&r, sizeof(r));
	return r % n;
}

static size_t random_text(char *out, size_t cap)
{
	size_t n = 0;

	for (uint32_t left = 1 + random_below(30); left > 0; left--) {
		const char *p = pieces[random_below(PIECES)];

		if (n + strlen(p) + 1 >= cap)
			break;
		memcpy(out + n, p, strlen(p));
		n += strlen(p);
	}
	out[n] = '\0';
	return n;
}

/* Every digit of any text lies in a number that is found; numbers lie in the text, in order. */
static void test_nothing_unseen(void **state)
{
	char text[512];

	(void)state;
	for (int round = 0; round < 60000; round++) {
		size_t len = random_text(text, sizeof(text)), pos = 0, seen = 0;
		struct number n;

		while (numbers_next(text, len, &pos, &n)) {
			assert_true(n.len > 0 && n.offset >= seen && n.offset + n.len <= len);
			assert_int_equal(pos, n.offset + n.len);
			for (; seen < n.offset; seen++)
				if (text[seen] >= '0' && text[seen] <= '9')
					fail_msg("unseen at %zu: %s", seen, text);
			seen = n.offset + n.len;
		}
		for (; seen < len; seen++)
			if (text[seen] >= '0' && text[seen] <= '9')
				fail_msg("unseen at %zu: %s", seen, text);
	}
}

/* Long runs are found as a whole, and in time. */
static void test_long_and_hostile(void **state)
{
	size_t len = 200000, pos = 0, found = 0;
	char *text = malloc(len + 1);
	struct number n;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = i % 2 ? ',' : '7';
	text[len] = '\0';
	while (numbers_next(text, len, &pos, &n)) {
		found++;
		assert_int_equal(n.form, NUMBER_ODD);
	}
	assert_int_equal(found, 1);
	memset(text, '[', len);
	pos = 0;
	assert_false(numbers_next(text, len, &pos, &n));
	assert_int_equal(pos, len);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_nothing_unseen),
		cmocka_unit_test(test_long_and_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
