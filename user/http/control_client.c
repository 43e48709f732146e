/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the daemon. */
#include "user/http/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "user/config/config.h"

static int open_socket(const char *config, struct err *err)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_close_ int fd = -1;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int r;

	r = config_load(config, &c, err);
	if (r < 0)
		return r;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return TAKE_FD(fd);
	if (errno == EACCES)
		return err_set(err, -EACCES, "%s: permission denied: run it as root", c->socket);
	return err_set(
		err, -ECONNREFUSED,
		"lutrad is not running (nobody listens on %s): start it with `lutrad%s%s`, or "
		"`systemctl start lutrad`",
		c->socket, config ? " --config " : "", config ? config : "");
}

static int read_answer(FILE *f, char **line, size_t *size, json_t **ret, struct err *err)
{
	json_auto_t *j = NULL;

	if (getline(line, size, f) < 0)
		return err_set(err, -EBADMSG,
			       "lutrad closed the connection: is this root, outside containers "
			       "under guard?");
	j = json_loads(*line, 0, NULL);
	if (!json_is_true(json_object_get(j, "ok")))
		return err_set(err, -EREMOTEIO, "%s",
			       json_is_string(json_object_get(j, "error"))
				       ? json_string_value(json_object_get(j, "error"))
				       : "lutrad gave no answer that can be read");
	*ret = TAKE_PTR(j);
	return 0;
}

int client_ask(const char *config, json_t *request, json_t **ret_answer,
	       int (*each)(void *ctx, const char *line), void *ctx, struct err *err)
{
	json_auto_t *q = request, *answer = NULL;
	_cleanup_free_ char *text = q ? json_dumps(q, JSON_COMPACT) : NULL, *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_close_ int fd = -1;
	size_t size = 0;
	int r;

	if (!text)
		return err_set(err, -EINVAL, "an argument is not UTF-8");
	fd = open_socket(config, err);
	if (fd < 0)
		return fd;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		return err_set(err, -EBADMSG,
			       "lutrad closed the connection: is this root, outside containers "
			       "under guard?");
	f = fdopen(fd, "r");
	if (!f)
		return err_set(err, -errno, "%s", strerror(errno));
	TAKE_FD(fd);
	r = read_answer(f, &line, &size, &answer, err);
	if (r < 0)
		return r;
	while (each && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (each(ctx, line))
			break;
	}
	*ret_answer = TAKE_PTR(answer);
	return 0;
}
