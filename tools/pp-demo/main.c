/*
 * pp-demo - the main job: tenant, brand, connections, syncs, import, report.
 *
 *	pp-demo RUN_DIR BASE_URL SIMULATOR_URL [RECEIVER_URL]
 *
 * The operator's key is read from RUN_DIR/operator.key. RECEIVER_URL is the simulator as the
 *services reach it, where that is another address.
 */
#include "core/text.h"
#include "demo.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)768 * 1024 * 1024)

static void take(char *dst, size_t cap, const char *src)
{
	if (text_copy(dst, cap, src) != ST_OK)
		give_up("an argument is too long");
}

static void read_operator_key(struct demo *d)
{
	char path[DEMO_TEXT * 2];
	FILE *f;

	snprintf(path, sizeof(path), "%s/operator.key", d->run_dir);
	f = fopen(path, "re");
	if (!f || !fgets(d->operator_key, sizeof(d->operator_key), f))
		give_up("%s cannot be read", path);
	fclose(f);
	d->operator_key[strcspn(d->operator_key, "\r\n")] = '\0';
}

int main(int argc, char **argv)
{
	static struct demo d;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: pp-demo RUN_DIR BASE_URL SIMULATOR_URL [RECEIVER_URL]\n");
		return 2;
	}
	take(d.run_dir, sizeof(d.run_dir), argv[1]);
	take(d.base_url, sizeof(d.base_url), argv[2]);
	take(d.simulator_url, sizeof(d.simulator_url), argv[3]);
	take(d.receiver_url, sizeof(d.receiver_url), argv[argc - 1]);
	d.terminal = isatty(STDOUT_FILENO) == 1;
	d.http = http_client_new("pp-demo/1");
	d.arena = arena_new(ARENA_MAX);
	if (!d.http || !d.arena || sodium_init() < 0)
		give_up("out of memory");
	setvbuf(stdout, NULL, _IOLBF, 0);
	read_operator_key(&d);
	read_dataset(&d);
	printf("\nsigning in\n");
	sign_in(&d);
	printf("\nconnecting\n");
	connect_all(&d);
	printf("\nsyncing\n");
	sync_all(&d);
	import_visits(&d);
	write_result(&d);
	print_report(&d);
	arm_alert(&d);
	ask_question(&d);
	show_alert(&d);
	printf("\n  gateway  %s   (API: %s/docs)\n  login    %s\n  password %s\n  brand    %s\n\n",
	       d.base_url, d.base_url, d.email, d.password, d.brand_id);
	printf("  The stack stays up. make down ends it.\n\n");
	http_client_free(d.http);
	arena_free(d.arena);
	return 0;
}
