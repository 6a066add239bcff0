/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/ort.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The version of the table of functions that is asked for: that of ONNX Runtime
 * 1.16. */
enum { TABLE_VERSION = 16, ELEMENTS_MAX = 256 << 20 };

/* Values of its enumerations. */
enum { LOG_ERRORS = 3, ELEMENT_FLOAT = 1, ALLOCATOR_DEVICE = 0, MEMORY_DEFAULT = 0 };

typedef void any_function(void);

/* What OrtGetApiBase() returns. */
struct base {
	any_function *const *(*table)(uint32_t version);
	const char *(*version)(void);
};

/* The functions that are used. Objects of the library are void pointers here;
 * a function that can fail returns a status, NULL = success. */
struct functions {
	const char *(*error_message)(const void *status);
	void *(*create_env)(int level, const char *id, void **ret);
	void *(*disable_telemetry)(const void *env);
	void *(*create_session)(const void *env, const void *data, size_t len, const void *options,
	                        void **ret);
	void *(*run)(void *session, const void *options, const char *const *inputs,
	             const void *const *values, size_t n, const char *const *outputs, size_t n_outputs,
	             void **ret);
	void *(*create_options)(void **ret);
	void *(*disable_mem_pattern)(void *options);
	void *(*set_intra_threads)(void *options, int n);
	void *(*set_inter_threads)(void *options, int n);
	void *(*input_count)(const void *session, size_t *ret);
	void *(*output_count)(const void *session, size_t *ret);
	void *(*input_name)(const void *session, size_t i, void *allocator, char **ret);
	void *(*output_name)(const void *session, size_t i, void *allocator, char **ret);
	void *(*create_tensor)(const void *memory, void *data, size_t bytes, const int64_t *dims,
	                       size_t n_dims, int type, void **ret);
	void *(*is_tensor)(const void *value, int *ret);
	void *(*tensor_data)(void *value, void **ret);
	void *(*element_type)(const void *shape, int *ret);
	void *(*dims_count)(const void *shape, size_t *ret);
	void *(*dims)(const void *shape, int64_t *ret, size_t n);
	void *(*tensor_shape)(const void *value, void **ret);
	void *(*create_memory)(int allocator, int memory, void **ret);
	void *(*allocator_free)(void *allocator, void *p);
	void *(*default_allocator)(void **ret);
	void (*release_env)(void *);
	void (*release_status)(void *);
	void (*release_memory)(void *);
	void (*release_session)(void *);
	void (*release_value)(void *);
	void (*release_shape)(void *);
	void (*release_options)(void *);
};

#define MEMBER(name) offsetof(struct functions, name)

/* Their places in the table, which only grows at its end: compared with the
 * headers of ONNX Runtime 1.0 and 1.22, and tried with 1.30. Debian 12 has no
 * header, so none is needed. */
static const struct {
	size_t place, member;
} places[] = {
	{2, MEMBER(error_message)},
	{3, MEMBER(create_env)},
	{6, MEMBER(disable_telemetry)},
	{8, MEMBER(create_session)},
	{9, MEMBER(run)},
	{10, MEMBER(create_options)},
	{17, MEMBER(disable_mem_pattern)},
	{24, MEMBER(set_intra_threads)},
	{25, MEMBER(set_inter_threads)},
	{30, MEMBER(input_count)},
	{31, MEMBER(output_count)},
	{36, MEMBER(input_name)},
	{37, MEMBER(output_name)},
	{49, MEMBER(create_tensor)},
	{50, MEMBER(is_tensor)},
	{51, MEMBER(tensor_data)},
	{60, MEMBER(element_type)},
	{61, MEMBER(dims_count)},
	{62, MEMBER(dims)},
	{65, MEMBER(tensor_shape)},
	{69, MEMBER(create_memory)},
	{76, MEMBER(allocator_free)},
	{78, MEMBER(default_allocator)},
	{92, MEMBER(release_env)},
	{93, MEMBER(release_status)},
	{94, MEMBER(release_memory)},
	{95, MEMBER(release_session)},
	{96, MEMBER(release_value)},
	{99, MEMBER(release_shape)},
	{100, MEMBER(release_options)},
};

struct ort {
	void *library, *env, *memory, *allocator;
	struct functions f;
	char *version;
};

struct ort_model {
	struct ort *ort;
	void *session;
	char *name;
	char *input, *output; /* owned by the allocator of the library */
};

/* Consumes a status: 0, or an error with its text. */
static int check(const struct ort *o, void *status, const char *what, struct err *err)
{
	if (!status)
		return 0;
	int r = err_set(err, ERR_FORMAT, "%s: %.300s", what, o->f.error_message(status));
	o->f.release_status(status);
	return r;
}

static int find_table(struct ort *o, const char *library, struct err *err)
{
	const struct base *(*get)(void);
	*(void **)&get = dlsym(o->library, "OrtGetApiBase");
	const struct base *base = get ? get() : NULL;
	if (!base)
		return err_set(err, ERR_FORMAT,
		               "%s is a library, but not ONNX Runtime (it has no OrtGetApiBase)", library);
	const char *version = base->version();
	bool known = version && strncmp(version, "1.", 2) == 0 && strlen(version) < 40;
	any_function *const *table = known ? base->table(TABLE_VERSION) : NULL;
	if (!table)
		return err_set(err, ERR_UNSUPPORTED,
		               "%s is ONNX Runtime %.40s; needed is 1.%d or a later 1.x", library,
		               version ? version : "of an unknown version", TABLE_VERSION);
	o->version = mem_strdup(version);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		memcpy((char *)&o->f + places[i].member, &table[places[i].place], sizeof *table);
	return 0;
}

int ort_open(const char *library, struct ort **ret, struct err *err)
{
	AUTO(ort_freep) struct ort *o = mem_alloc(1, sizeof *o);
	if (access(library, R_OK) < 0)
		return err_sys(err, errno, "cannot open the library %s", library);
	/* From version 1.29 on it would send what it does to its maker, from the
	 * moment that it is loaded. The sandbox does not let it, and kills what
	 * tries. */
	setenv("ORT_DISABLE_TELEMETRY", "1", 1);
	o->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!o->library)
		return err_set(err, ERR_FORMAT, "cannot load the library %s: %.300s", library, dlerror());
	int r = find_table(o, library, err);
	if (r == 0)
		r = check(o, o->f.create_env(LOG_ERRORS, "vdet", &o->env), "ONNX Runtime", err);
	if (r == 0)
		r = check(o, o->f.disable_telemetry(o->env), "ONNX Runtime", err);
	if (r == 0)
		r = check(o, o->f.create_memory(ALLOCATOR_DEVICE, MEMORY_DEFAULT, &o->memory),
		          "ONNX Runtime", err);
	if (r == 0)
		r = check(o, o->f.default_allocator(&o->allocator), "ONNX Runtime", err);
	if (r == 0)
		*ret = TAKE(o);
	return r;
}

void ort_free(struct ort *o)
{
	if (!o)
		return;
	if (o->memory)
		o->f.release_memory(o->memory);
	if (o->env)
		o->f.release_env(o->env);
	/* The library stays: it is not made to be unloaded. */
	free(o->version);
	free(o);
}

const char *ort_version(const struct ort *o)
{
	return o->version;
}

/* Memory patterns would be kept for each width of a line. */
static int set_options(const struct ort *o, void *options, struct err *err)
{
	int r = check(o, o->f.set_intra_threads(options, 1), "ONNX Runtime", err);
	if (r == 0)
		r = check(o, o->f.set_inter_threads(options, 1), "ONNX Runtime", err);
	return r < 0 ? r : check(o, o->f.disable_mem_pattern(options), "ONNX Runtime", err);
}

static int load(struct ort_model *m, const void *data, size_t len, struct err *err)
{
	const struct ort *o = m->ort;
	void *options = NULL;
	int r = check(o, o->f.create_options(&options), "ONNX Runtime", err);
	if (r == 0)
		r = set_options(o, options, err);
	if (r == 0)
		r = check(o, o->f.create_session(o->env, data, len, options, &m->session), m->name, err);
	if (options)
		o->f.release_options(options);
	return r;
}

static int find_names(struct ort_model *m, struct err *err)
{
	const struct ort *o = m->ort;
	size_t inputs = 0, outputs = 0;
	int r = check(o, o->f.input_count(m->session, &inputs), m->name, err);
	if (r == 0)
		r = check(o, o->f.output_count(m->session, &outputs), m->name, err);
	if (r == 0 && (inputs != 1 || outputs != 1))
		r = err_set(err, ERR_FORMAT, "%s has %zu inputs and %zu outputs instead of one each",
		            m->name, inputs, outputs);
	if (r == 0)
		r = check(o, o->f.input_name(m->session, 0, o->allocator, &m->input), m->name, err);
	if (r == 0)
		r = check(o, o->f.output_name(m->session, 0, o->allocator, &m->output), m->name, err);
	return r;
}

int ort_model_open(struct ort *o, const void *data, size_t len, const char *name,
                   struct ort_model **ret, struct err *err)
{
	AUTO(ort_model_freep) struct ort_model *m = mem_alloc(1, sizeof *m);
	*m = (struct ort_model){.ort = o, .name = mem_strdup(name)};
	int r = load(m, data, len, err);
	if (r == 0)
		r = find_names(m, err);
	if (r == 0)
		*ret = TAKE(m);
	return r;
}

static void free_name(const struct ort *o, char *name)
{
	struct err ignored;
	if (name)
		check(o, o->f.allocator_free(o->allocator, name), "ONNX Runtime", &ignored);
}

void ort_model_free(struct ort_model *m)
{
	if (!m)
		return;
	free_name(m->ort, m->input);
	free_name(m->ort, m->output);
	if (m->session)
		m->ort->f.release_session(m->session);
	free(m->name);
	free(m);
}

void ort_output_clear(struct ort_output *o)
{
	free(o->data);
	*o = (struct ort_output){0};
}

static int fail_output(const struct ort_model *m, struct err *err)
{
	return err_set(err, ERR_FORMAT, "%s does not give numbers of an expected shape", m->name);
}

/* Number and sizes of the dimensions of a value, which is a tensor. */
static int take_shape(const struct ort_model *m, const void *shape, struct ort_output *to,
                      struct err *err)
{
	const struct functions *f = &m->ort->f;
	int type = 0;
	int r = check(m->ort, f->element_type(shape, &type), m->name, err);
	if (r == 0)
		r = check(m->ort, f->dims_count(shape, &to->n_dims), m->name, err);
	if (r == 0 && (type != ELEMENT_FLOAT || to->n_dims < 1 || to->n_dims > ORT_DIMS_MAX))
		r = fail_output(m, err);
	if (r == 0)
		r = check(m->ort, f->dims(shape, to->dims, to->n_dims), m->name, err);
	to->n = 1;
	for (size_t i = 0; r == 0 && i < to->n_dims; i++) {
		if (to->dims[i] < 1 || to->dims[i] > ELEMENTS_MAX / (int64_t)to->n)
			return fail_output(m, err);
		to->n *= (size_t)to->dims[i];
	}
	return r;
}

static int take_output(const struct ort_model *m, void *value, struct ort_output *ret,
                       struct err *err)
{
	const struct functions *f = &m->ort->f;
	struct ort_output out = {0};
	void *shape = NULL, *data = NULL;
	int tensor = 0;
	int r = check(m->ort, f->is_tensor(value, &tensor), m->name, err);
	if (r == 0)
		r = tensor ? check(m->ort, f->tensor_shape(value, &shape), m->name, err)
		           : fail_output(m, err);
	if (r == 0)
		r = take_shape(m, shape, &out, err);
	if (shape)
		f->release_shape(shape);
	if (r == 0)
		r = check(m->ort, f->tensor_data(value, &data), m->name, err);
	if (r < 0)
		return r;
	out.data = malloc(out.n * sizeof *out.data);
	if (!out.data)
		return err_set(err, ERR_LIMIT, "no memory for what %s gives", m->name);
	memcpy(out.data, data, out.n * sizeof *out.data);
	*ret = out;
	return 0;
}

int ort_model_run(struct ort_model *m, float *input, const int64_t dims[static ORT_DIMS_MAX],
                  struct ort_output *ret, struct err *err)
{
	const struct functions *f = &m->ort->f;
	const char *const inputs[] = {m->input}, *const outputs[] = {m->output};
	size_t bytes = sizeof *input;
	void *value = NULL, *result = NULL;
	for (size_t i = 0; i < ORT_DIMS_MAX; i++)
		bytes *= (size_t)dims[i];
	int r = check(
		m->ort,
		f->create_tensor(m->ort->memory, input, bytes, dims, ORT_DIMS_MAX, ELEMENT_FLOAT, &value),
		m->name, err);
	const void *const values[] = {value};
	if (r == 0)
		r = check(m->ort, f->run(m->session, NULL, inputs, values, 1, outputs, 1, &result), m->name,
		          err);
	if (r == 0)
		r = take_output(m, result, ret, err);
	if (result)
		f->release_value(result);
	if (value)
		f->release_value(value);
	return r;
}
