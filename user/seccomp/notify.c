/* SPDX-License-Identifier: Apache-2.0 */
/* Reads container process states and answers notifications, with libseccomp. */
#include "user/seccomp/notify.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#define FD_NAME "seccompFd"
#define ID_MAX 256

void notify_state_done(struct notify_state *s)
{
	free(s->id);
	s->id = NULL;
}

int notify_state_from_json(const char *json, size_t len, unsigned n_fds, struct notify_state *ret,
			   struct err *err)
{
	json_auto_t *j = NULL;
	json_error_t je;
	json_t *fds, *v;
	const char *id;
	json_int_t pid;
	size_t fd;

	j = json_loadb(json, len, 0, &je);
	if (!j && len < NOTIFY_STATE_MAX &&
	    json_error_code(&je) == json_error_premature_end_of_input)
		return -EAGAIN;
	if (!j)
		return err_set(err, -EBADMSG, "not JSON: %s", je.text);
	/* Runtimes add other members. */
	if (json_unpack_ex(j, &je, 0, "{s:o, s:I, s:{s:s}}", "fds", &fds, "pid", &pid, "state",
			   "id", &id) < 0)
		return err_set(err, -EBADMSG, "not a container process state: %s", je.text);
	/* The index of the filter's descriptor. */
	json_array_foreach (fds, fd, v)
		if (json_is_string(v) && strcmp(json_string_value(v), FD_NAME) == 0)
			break;
	if (json_array_size(fds) != n_fds || fd == n_fds)
		return err_set(err, -EBADMSG,
			       "the state names %zu descriptors, %u came; one must be " FD_NAME,
			       json_array_size(fds), n_fds);
	if (pid <= 0 || pid > INT_MAX || !*id || strlen(id) > ID_MAX)
		return err_set(err, -EBADMSG, "pid or container id out of range");
	ret->id = strdup(id);
	if (!ret->id)
		return err_oom(err);
	ret->pid = (pid_t)pid;
	ret->fd = (unsigned)fd;
	ret->fds = n_fds;
	return 0;
}

static int send_answer(int fd, const struct seccomp_notif *req, struct seccomp_notif_resp *resp,
		       bool refuse)
{
	int r;

	resp->id = req->id;
	resp->error = refuse ? -EPERM : 0;
	resp->flags = refuse ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	r = seccomp_notify_respond(fd, resp);
	/* The task died, or a signal interrupted its system call. */
	return r == -ECANCELED && seccomp_notify_id_valid(fd, req->id) < 0 ? 0 : r;
}

bool notify_is_listener(int fd)
{
	uint64_t no_id = 0;

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &no_id) == 0 || errno == ENOENT;
}

int notify_answer(int fd, notify_refuse *refuse, void *ctx)
{
	struct seccomp_notif *req = NULL;
	struct seccomp_notif_resp *resp = NULL;
	int r = seccomp_notify_alloc(&req, &resp);

	if (r == 0)
		r = seccomp_notify_receive(fd, req);
	if (r == -ECANCELED)
		r = errno == ENOENT ? -ENOENT : -errno;
	if (r == 0 && seccomp_notify_id_valid(fd, req->id) == 0)
		r = send_answer(fd, req, resp, refuse(ctx, (pid_t)req->pid, req->data.nr));
	seccomp_notify_free(req, resp);
	return r;
}
