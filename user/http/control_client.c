/* SPDX-License-Identifier: Apache-2.0 */
/* Asks lutrad over its control socket: one line of JSON each way. */
#include "user/http/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"

static int connect_to_daemon(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return TAKE_FD(fd);
	if (errno == EACCES)
		return err_set(err, -EACCES, "%s: permission denied: run this as root", path);
	return err_set(
		err, -ECONNREFUSED,
		"lutrad is not running (nobody listens on %s): start it with `systemctl start "
		"lutrad` or `lutrad`",
		path);
}

static int read_answer(FILE *f, char **line, size_t *size, json_t **ret, struct err *err)
{
	json_auto_t *j = NULL;

	if (getline(line, size, f) < 0)
		return err_set(err, -EBADMSG,
			       "lutrad closed the connection: run this as root, outside guarded "
			       "containers");
	j = json_loads(*line, 0, NULL);
	if (!json_is_true(json_object_get(j, "ok")))
		return err_set(err, -EREMOTEIO, "%s",
			       json_is_string(json_object_get(j, "error"))
				       ? json_string_value(json_object_get(j, "error"))
				       : "lutrad's answer is of another version");
	*ret = TAKE_PTR(j);
	return 0;
}

int control_ask(const char *socket_path, json_t *request, json_t **ret_answer,
		int (*on_line)(void *ctx, const char *line), void *ctx, struct err *err)
{
	json_auto_t *q = request, *answer = NULL;
	_cleanup_free_ char *text = q ? json_dumps(q, JSON_COMPACT) : NULL, *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_close_ int fd = -1;
	size_t size = 0;
	int r;

	if (!text)
		return err_set(err, -EINVAL, "an argument is not UTF-8");
	fd = connect_to_daemon(socket_path, err);
	if (fd < 0)
		return fd;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		return err_set(err, -EBADMSG,
			       "lutrad closed the connection: run this as root, outside guarded "
			       "containers");
	f = fdopen(fd, "r");
	if (!f)
		return err_set(err, -errno, "%s", strerror(errno));
	TAKE_FD(fd);
	r = read_answer(f, &line, &size, &answer, err);
	if (r < 0)
		return r;
	while (on_line && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (on_line(ctx, line))
			break;
	}
	*ret_answer = TAKE_PTR(answer);
	return 0;
}
