/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of paths, folded as in the tree. An audited exec session (docs/policies.md) is refused a
 * change of what is the host's. The flag has no part in what the service may do.
 */
#include "lib/policy/paths/host_paths.h"

#include <string.h>

#include "lutra/abi.h"

struct host_path {
	const char *path;
	bool dir;
};

/*
 * The kernel's own file systems; and the sockets of container engines at their default places:
 * Docker, containerd, CRI-O, Podman, BuildKit, k3s (/run/#), the kubelet, and those without root.
 * Whoever may speak to one of them can start any container on the host.
 */
static const struct host_path host[] = {
	{"/proc", true},
	{"/sys", true},
	{"/dev", true},
	{"/run/docker.sock", false},
	{"/run/cri-dockerd.sock", false},
	{"/run/dockershim.sock", false},
	{"/run/containerd/containerd.sock", false},
	{"/run/crio/crio.sock", false},
	{"/run/podman/podman.sock", false},
	{"/run/buildkit/buildkitd.sock", false},
	{"/run/#/containerd/containerd.sock", false},
	{"/run/user/#/docker.sock", false},
	{"/run/user/#/podman/podman.sock", false},
	{"/var/run/docker.sock", false},
	{"/var/run/cri-dockerd.sock", false},
	{"/var/run/dockershim.sock", false},
	{"/var/run/containerd/containerd.sock", false},
	{"/var/run/crio/crio.sock", false},
	{"/var/run/podman/podman.sock", false},
	{"/var/run/buildkit/buildkitd.sock", false},
	{"/var/lib/kubelet/pod-resources/kubelet.sock", false},
	{"/var/lib/kubelet/device-plugins/kubelet.sock", false},
};

/*
 * The container's own below these: its processes, and the devices and mounts that each container
 * has (OCI runtime specification, config-linux.md: "Default Devices" and "Default Filesystems").
 * syslog(3) writes to /dev/log.
 */
static const struct host_path own[] = {
	{"/proc/#", true},     {"/proc/self", true},   {"/proc/thread-self", true},
	{"/dev/shm", true},    {"/dev/mqueue", true},  {"/dev/pts", true},
	{"/dev/fd", true},     {"/dev/null", false},   {"/dev/zero", false},
	{"/dev/full", false},  {"/dev/random", false}, {"/dev/urandom", false},
	{"/dev/tty", false},   {"/dev/ptmx", false},   {"/dev/console", false},
	{"/dev/stdin", false}, {"/dev/stdout", false}, {"/dev/stderr", false},
	{"/dev/log", false},
};

#define N_HOST (sizeof(host) / sizeof(host[0]))
#define N_OWN (sizeof(own) / sizeof(own[0]))

static bool is_among(const char *path, const struct host_path *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(path, list[i].path) == 0)
			return true;
	return false;
}

uint8_t host_paths_flag(const char *path, uint8_t parent_flags)
{
	if (is_among(path, own, N_OWN))
		return 0;
	return is_among(path, host, N_HOST) ? LUTRA_NODE_HOST : parent_flags & LUTRA_NODE_HOST;
}

const char *host_paths_get(size_t i, bool *ret_dir)
{
	const struct host_path *at = i < N_HOST ? &host[i] : &own[i - N_HOST];

	if (i >= N_HOST + N_OWN)
		return NULL;
	*ret_dir = at->dir;
	return at->path;
}
