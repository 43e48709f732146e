/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of containers whose image is learned, one file a run. */
#ifndef LUTRA_USER_LEARN_RECORDER_H
#define LUTRA_USER_LEARN_RECORDER_H

#include "user/learn/learn.h"

#define RUNS_PART ".part" /* ends the name of a file whose run has not ended */

/* The image that a container is recorded for; NULL: none. */
struct lifecycle_image *runs_image(const struct daemon *d, const struct container *c);
/* Record it no longer; the run that is under way is dropped. */
void runs_forget(struct daemon *d, struct container *c, const char *why);
/* Now and then: what was recorded goes to the disk, of which there is no more than allowed. */
void runs_flush(struct daemon *d);
void runs_close(struct daemon *d);

#endif
