/* See bound.h. */
#include "bound.h"

#include "core/log.h"

#define REFUTED INT64_C(-1)

void bound_begin(const struct bound *b, struct conversation *c)
{
	int64_t prefix = atomic_load(&b->prefix);

	if (prefix > 0)
		conversation_told(c, (size_t)prefix, 0);
}

static void lower(struct bound *b, int64_t read)
{
	int64_t known = atomic_load(&b->prefix);

	while (known != REFUTED && (known == 0 || read < known) &&
	       !atomic_compare_exchange_weak(&b->prefix, &known, read))
		continue;
}

void bound_learn(struct bound *b, struct conversation *c, int64_t most, int64_t read,
		 int64_t written)
{
	if (read > most && atomic_exchange(&b->prefix, REFUTED) != REFUTED)
		log_event(LOG_ERROR, "bound.refuted",
			  "a call of the model read %lld tokens where %lld were reserved: from now "
			  "on a token is taken for a byte",
			  (long long)read, (long long)most);
	if (atomic_load(&b->prefix) == REFUTED)
		read = 0;
	conversation_told(c, (size_t)read, (size_t)written);
	if (read > 0)
		lower(b, read);
}
