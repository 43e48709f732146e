/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/daemon/peer.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/policy/policy.h"
#include "user/sys/process/child.h"

int peer_connect(void)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(PEER_PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) < 0;
}

int peer_connect_in_container(struct fixture *f)
{
	char program[] = "/proc/self/exe", option[] = PEER_CONNECT;
	char *const argv[] = {program, option, NULL};
	sigset_t none;
	int r;

	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	r = lutrad_exit_code(f->child);
	f->child = 0;
	return r;
}

void peer_save_policy(const struct fixture *f, const char *digest)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	memset(p->action, LUTRA_ACTION_LOG, sizeof(p->action));
	p->action[LUTRA_RULE_CONNECT] = LUTRA_ACTION_DENY;
	free(p->digest);
	p->digest = digest ? strdup(digest) : NULL;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
}
