#!/bin/sh
# Records the contract as it stands as the released one; run when a version is released. From then on its lines stay.
cd "$(dirname "$0")/../.." || exit 1
{
	echo "# The contract of the last release, one line per name that callers rely on. Written by tests/contract/release.sh."
	cat build/gen/contract/listing.txt
} > tests/contract/released.txt
