/*
 * protoc-gen-pulsepoint: reads protoc's CodeGeneratorRequest on stdin and answers with the
 * contract's faces: C tables, typed headers, OpenAPI, and the listing that releases are compared
 * by. Read next: model.h, docs/internals/contract.md.
 */
#include "check.h"
#include "emit.h"
#include "mem.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_MAX (64u * 1024 * 1024)
#define FILES_MAX   512

typedef Google__Protobuf__Compiler__CodeGeneratorResponse plugin_response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File plugin_file;

struct outputs {
	plugin_file *files[FILES_MAX];
	size_t n;
	FILE *open;
	char *text;
	size_t len;
};

static void die(const char *why)
{
	fprintf(stderr, "protoc-gen-pulsepoint: %s\n", why);
	exit(1);
}

static FILE *output_begin(struct outputs *o)
{
	o->open = open_memstream(&o->text, &o->len);
	if (o->open == NULL)
		die("out of memory");
	return o->open;
}

static void output_end(struct outputs *o, const char *name)
{
	plugin_file *f = mem_alloc(sizeof(*f));

	if (fclose(o->open) != 0 || o->n == FILES_MAX)
		die("out of memory, or too many files");
	google__protobuf__compiler__code_generator_response__file__init(f);
	f->name = mem_copy(name, strlen(name));
	f->content = mem_copy(o->text, o->len);
	free(o->text);
	o->files[o->n++] = f;
}

static void write_outputs(struct outputs *o, const struct model *m)
{
	const char *json;

	emit_tables(output_begin(o), m);
	output_end(o, "contract/tables.c");
	for (size_t i = 0; i < m->n_services; i++) {
		emit_service_header(output_begin(o), m->services[i]);
		output_end(o, mem_printf("contract/%s.h", m->services[i]->ident));
		emit_events_header(output_begin(o), m->services[i]);
		output_end(o, mem_printf("contract/%s_events.h", m->services[i]->ident));
	}
	emit_listing(output_begin(o), m);
	output_end(o, "contract/listing.txt");
	emit_openapi(output_begin(o), m);
	output_end(o, "openapi.json");
	json = o->files[o->n - 1]->content;
	emit_openapi_c(output_begin(o), json, strlen(json));
	output_end(o, "contract/openapi.c");
	emit_openapi_h(output_begin(o));
	output_end(o, "contract/openapi.h");
}

static uint8_t *read_request(size_t *len)
{
	uint8_t *data = NULL;
	size_t cap = 0;

	*len = 0;
	for (;;) {
		size_t n;

		if (*len == cap) {
			cap = cap == 0 ? 65536 : cap * 2;
			if (cap > REQUEST_MAX)
				die("the request is larger than 64 MiB");
			data = realloc(data,
				       cap); /* allowed: one buffer, before the obstack exists */
			if (data == NULL)
				die("out of memory");
		}
		n = fread(data + *len, 1, cap - *len, stdin);
		*len += n;
		if (n == 0)
			break;
	}
	if (ferror(stdin))
		die("cannot read the request");
	return data;
}

static void write_response(const plugin_response *r)
{
	size_t len = google__protobuf__compiler__code_generator_response__get_packed_size(r);
	uint8_t *packed = mem_alloc(len + 1);

	google__protobuf__compiler__code_generator_response__pack(r, packed);
	if (fwrite(packed, 1, len, stdout) != len || fflush(stdout) != 0)
		die("cannot write the response");
}

int main(void)
{
	Google__Protobuf__Compiler__CodeGeneratorRequest *request;
	plugin_response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
	struct outputs out = { .n = 0 };
	struct model model = { .n_files = 0 };
	size_t len;
	uint8_t *data = read_request(&len);

	request = google__protobuf__compiler__code_generator_request__unpack(NULL, len, data);
	free(data);
	if (request == NULL)
		die("the request cannot be unpacked");
	model_build(&model, request);
	check_model(&model);
	if (model.refusals != NULL) {
		response.error = model.refusals;
	} else {
		write_outputs(&out, &model);
		response.file = out.files;
		response.n_file = out.n;
	}
	write_response(&response);
	google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
	mem_done();
	return 0;
}
