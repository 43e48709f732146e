/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long computation is, told to whoever wants to know. */
#ifndef LUTRA_TRAINER_PROGRESS_H
#define LUTRA_TRAINER_PROGRESS_H

struct progress {
	void (*show)(void *ctx, const char *stage, double done); /* done: 0 to 1 of the stage */
	void *ctx;
};

/* p may be NULL. */
static inline void progress_show(const struct progress *p, const char *stage, double done)
{
	if (p && p->show)
		p->show(p->ctx, stage, done);
}

#endif
