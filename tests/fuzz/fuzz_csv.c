/* Any bytes as a CSV file of two columns: each record has both fields inside the text, or there is
 * an error with its place. */
#include "csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const columns[] = { "a", "b" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char header[] = "a,b\n";
	size_t len = sizeof(header) - 1 + size;
	char *text = malloc(len + 1);
	struct error err = { .detail = "" };
	struct str fields[2];
	struct csv c;
	enum status st;

	if (text == NULL)
		return 0;
	memcpy(text, header, sizeof(header) - 1);
	memcpy(text + sizeof(header) - 1, data, size);
	text[len] = '\0';
	st = csv_open(&c, "fuzz.csv", text, len, columns, 2, &err);
	while (st == ST_OK) {
		st = csv_next(&c, fields, &err);
		if (st != ST_OK)
			break;
		for (size_t i = 0; i < 2; i++)
			if (fields[i].p < text || fields[i].p + fields[i].n > text + len ||
			    strlen(fields[i].p) != fields[i].n)
				__builtin_trap();
	}
	if (st != ST_NOT_FOUND && err.detail[0] == '\0')
		__builtin_trap();
	free(text);
	return 0;
}
