/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of the control socket. */
#ifndef LUTRA_USER_API_CONTROL_IMPL_H
#define LUTRA_USER_API_CONTROL_IMPL_H

#include "user/api/routes/api_impl.h"
#include "user/api/control.h"

struct control_client;

struct control_call {
	struct api *api;
	struct discovery *discovery;
	struct control_client *client;
	json_t *request;
};

/* Handlers: 0 and the answer, or -errno with err. */
int control_enroll(struct control_call *c, json_t **ret, struct err *err);
int control_container(struct control_call *c, json_t **ret, struct err *err);
int control_release(struct control_call *c, json_t **ret, struct err *err);
int control_mode(struct control_call *c, json_t **ret, struct err *err);
int control_policy_mode(struct control_call *c, json_t **ret, struct err *err);
int control_thaw(struct control_call *c, json_t **ret, struct err *err);
int control_learn(struct control_call *c, json_t **ret, struct err *err);
int control_learn_stop(struct control_call *c, json_t **ret, struct err *err);
int control_learn_status(struct control_call *c, json_t **ret, struct err *err);
int control_status(struct control_call *c, json_t **ret, struct err *err);
int control_top(struct control_call *c, json_t **ret, struct err *err);
/* Sends the answer and the stored events itself; *ret stays NULL. */
int control_events(struct control_call *c, json_t **ret, struct err *err);

/* Returns true if the client has closed its end. */
bool control_client_is_gone(const struct control_client *c);
/* Queues a line for the client. -ENOBUFS: it does not read; -ENOMEM. */
int control_client_put(struct control_client *c, const json_t *j);
/* Has the client get every alert from here on, instead of being closed after the answer. */
void control_client_follow(struct control_client *c);

#endif
