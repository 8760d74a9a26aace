#!/bin/sh
# embed-sql.sh <owner> <file.sql>...: prints a C table of the migrations, so that a binary carries its own schema.
set -eu
owner=$(printf '%s' "$1" | tr - _)
shift
printf '#include "db/migrate.h"\n\n#include <stddef.h>\n\n'
printf 'extern const struct db_migration %s_migrations[];\n' "$owner"
printf 'const struct db_migration %s_migrations[] = {\n' "$owner"
for f in "$@"; do
	name=$(basename "$f" .sql)
	number=$(printf '%s' "$name" | sed 's/_.*//; s/^0*//')
	printf '\t{ %s, "%s",\n' "$number" "$name"
	sed 's/\\/\\\\/g; s/"/\\"/g; s/^/\t  "/; s/$/\\n"/' "$f"
	printf '\t},\n'
done
printf '\t{ 0, NULL, NULL }\n};\n'
