/* SPDX-License-Identifier: Apache-2.0 */
/* Usage of endpoints, and what was done when memory was short. */
#include <stdlib.h>

#include "store/db.h"
#include "store/store.h"

int store_spend(struct store *s, const char *endpoint, int64_t day,
                const struct store_spending *add, struct store_spending *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	(void)locked;
	int r = db_prepare(
		s,
		"INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint, day) DO UPDATE SET "
		"requests = requests + excluded.requests, prompt_tokens = prompt_tokens + "
		"excluded.prompt_tokens, "
		"output_tokens = output_tokens + excluded.output_tokens, money = money + excluded.money "
		"RETURNING requests, prompt_tokens, output_tokens, money",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "siiiid", endpoint, day, add->requests, add->prompt_tokens, add->output_tokens,
	        add->money);
	r = db_step(s, q, err);
	if (r != 1)
		return r < 0 ? r : err_set(err, ERR_INTERNAL, "no sum returned");
	*ret = (struct store_spending){.requests = sqlite3_column_int64(q, 0),
	                               .prompt_tokens = sqlite3_column_int64(q, 1),
	                               .output_tokens = sqlite3_column_int64(q, 2),
	                               .money = sqlite3_column_double(q, 3)};
	return db_run(s, q, err);
}

int store_step_add(struct store *s, const char *job, int64_t time, const char *what,
                   const char *why, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	(void)locked;
	int r = db_prepare(s, "INSERT INTO step VALUES (?, ?, ?, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "siss", job, time, what, why);
	return db_run(s, q, err);
}

int store_steps_load(struct store *s, const char *job, struct store_step **ret, size_t *ret_n,
                     struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	(void)locked;
	int r =
		db_prepare(s, "SELECT time_us, what, why FROM step WHERE job = ? ORDER BY rowid", &q, err);
	if (r < 0)
		return r;
	*ret = NULL;
	*ret_n = 0;
	db_bind(q, "s", job);
	while ((r = db_step(s, q, err)) > 0) {
		*ret = mem_grow(*ret, *ret_n + 1, sizeof **ret);
		(*ret)[(*ret_n)++] = (struct store_step){
			.time = sqlite3_column_int64(q, 0), .what = db_text(q, 1), .why = db_text(q, 2)};
	}
	if (r < 0)
		store_steps_free(TAKE(*ret), *ret_n);
	return r;
}

void store_steps_free(struct store_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(steps[i].what);
		free(steps[i].why);
	}
	free(steps);
}
