/* SPDX-License-Identifier: Apache-2.0 */
/* Where the mounts of a container show the host: as engines mount, and as a container may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lutra/abi.h"
#include "user/containers/host_mounts.h"

/* /home is a file system of its own, as is /srv/media; containers have their roots in overlays. */
static const char host_text[] =
	"20 1 8:2 / / rw shared:1 - ext4 /dev/sda2 rw\n"
	"21 20 0:20 / /sys rw - sysfs sysfs rw\n"
	"22 20 0:21 / /proc rw - proc proc rw\n"
	"23 20 0:5 / /dev rw - devtmpfs udev rw\n"
	"24 20 0:24 / /run rw - tmpfs tmpfs rw\n"
	"25 21 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	"26 20 8:3 / /home rw - ext4 /dev/sda3 rw\n"
	"27 20 8:4 /@media /srv/media rw - btrfs /dev/sda4 rw\n"
	"28 20 8:5 / /mnt/big\\040disk rw - ext4 /dev/sda5 rw\n"
	"29 20 8:2 /etc /srv/chroot/etc rw - ext4 /dev/sda2 rw\n"
	"30 20 0:40 / /var/lib/docker/overlay2/aa/merged rw - overlay overlay rw\n"
	"31 24 0:41 / /run/user/1000 rw - tmpfs tmpfs rw\n";

/* What each container has. */
static const char usual_text[] = "100 50 0:40 / / rw - overlay overlay rw\n"
				 "101 100 0:50 / /proc rw - proc proc rw\n"
				 "102 100 0:51 / /dev rw - tmpfs tmpfs rw\n"
				 "103 102 0:52 / /dev/pts rw - devpts devpts rw\n"
				 "104 100 0:53 / /sys ro - sysfs sysfs ro\n"
				 "105 104 0:26 /../.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n";

static void find_places(const char *text, struct host_places *ret)
{
	struct mounts host = {}, own = {};
	char all[4096];

	snprintf(all, sizeof(all), "%s%s", usual_text, text);
	assert_int_equal(mounts_parse(host_text, strlen(host_text), &host), 0);
	assert_int_equal(mounts_parse(all, strlen(all), &own), 0);
	assert_int_equal(host_mounts_find(&host, &own, ret), 0);
	mounts_done(&host);
	mounts_done(&own);
}

/* Returns the place of a path, or NULL. */
static const struct host_place *place_of(const struct host_places *all, const char *path)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->place[i].path, path) == 0)
			return &all->place[i];
	return NULL;
}

static void assert_flags(const struct host_places *all, const char *path, unsigned flags)
{
	const struct host_place *p = place_of(all, path);

	if (!p) {
		fail_msg("%s is no place", path);
		return;
	}
	if (p->flags != flags)
		fail_msg("%s: flags %#x", path, p->flags);
}

#define HOST (LUTRA_NODE_HOST | LUTRA_NODE_PROTECTED)
#define SECRET (HOST | LUTRA_NODE_SECRET)

static void container_without_the_host_has_no_places(void **state)
{
	struct host_places all;

	(void)state;
	find_places("", &all);
	assert_int_equal(all.n, 0);
	host_places_done(&all);
}

/* Volumes, files that engines mount, single devices and masks. None of these is the host's. */
static void volumes_are_no_places(void **state)
{
	static const char *const volumes[] = {
		"200 100 8:2 /srv/data /data rw - ext4 x rw\n",
		"200 100 8:2 /etc/nginx /etc/nginx rw - ext4 x rw\n",
		"200 100 8:2 /etc/letsencrypt /etc/letsencrypt rw - ext4 x rw\n",
		"200 100 8:2 /etc/localtime /etc/localtime ro - ext4 x rw\n",
		"200 100 8:2 /etc/resolv.conf /etc/resolv.conf ro - ext4 x rw\n",
		"200 100 8:2 /usr/local/docker/html /usr/share/nginx/html rw - ext4 x rw\n",
		"200 100 8:2 /var/log /var/log rw - ext4 x rw\n",
		"200 100 8:2 /var/lib/mysql /var/lib/mysql rw - ext4 x rw\n",
		"200 100 8:2 /var/lib/docker/volumes/v/_data /var/lib/v rw - ext4 x rw\n",
		"200 100 8:2 /var/lib/docker/containers/aa/hosts /etc/hosts rw - ext4 x rw\n",
		"200 100 8:2 /var/lib/kubelet/pods/u/etc-hosts /etc/hosts rw - ext4 x rw\n",
		"200 100 0:24 /containers/aa/resolv.conf /etc/resolv.conf rw - tmpfs x rw\n",
		"200 100 8:3 /me/project /app rw - ext4 x rw\n",
		"200 100 8:4 /@media /media rw - btrfs x rw\n",
		"200 100 8:5 /films /films rw - ext4 x rw\n",
		"200 100 8:2 /mnt /data rw - ext4 x rw\n",
		"200 100 8:2 /media /media rw - ext4 x rw\n",
		"200 100 8:2 /tmp /tmp rw - ext4 x rw\n",
		"200 101 0:5 /null /proc/kcore rw - devtmpfs x rw\n",
		"200 101 0:51 /null /proc/keys rw - tmpfs x rw\n",
		"200 100 0:60 / /tmp rw - tmpfs x rw\n",
		"200 100 0:60 /etc /etc rw - overlay x rw\n",
		"200 100 9:2 /etc /etc rw - ext4 x rw\n",
		"200 100 8:2 /etc//deleted /old rw - ext4 x rw\n",
		"200 102 0:5 /fuse /dev/fuse rw - devtmpfs x rw\n",
		"200 100 0:5 / /dev rw - devtmpfs x rw\n",
		"200 104 0:26 /system.slice /sys/fs/cgroup rw - cgroup2 x rw\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(volumes) / sizeof(volumes[0]); i++) {
		struct host_places all;

		find_places(volumes[i], &all);
		if (all.n)
			fail_msg("%s at %s", all.place[0].path, volumes[i]);
		host_places_done(&all);
	}
}

static void protected_directories_are_places(void **state)
{
	static const struct {
		const char *text, *path;
		unsigned flags;
	} cases[] = {
		{"200 100 8:2 / /host ro - ext4 x rw\n", "/host", HOST},
		{"200 100 8:2 /etc /host/etc rw - ext4 x rw\n", "/host/etc", HOST},
		{"200 100 8:2 /etc /a\\040b rw - ext4 x rw\n", "/a b", HOST},
		{"200 100 8:2 /etc /etc rw - ext4 x rw\n", "/etc", HOST},
		{"200 100 8:2 /var /v rw - ext4 x rw\n", "/v", HOST},
		{"200 100 8:2 /var/lib /v rw - ext4 x rw\n", "/v", HOST},
		{"200 100 8:2 /usr/bin /tools rw - ext4 x rw\n", "/tools", HOST},
		{"200 100 8:2 /root /r rw - ext4 x rw\n", "/r", SECRET},
		{"200 100 8:2 /var/spool/cron /c rw - ext4 x rw\n", "/c", SECRET},
		{"200 100 8:3 / /homes rw - ext4 x rw\n", "/homes", SECRET},
		{"200 100 0:24 / /host/run rw - tmpfs x rw\n", "/host/run", HOST},
		{"200 100 0:21 / /host/proc ro - proc x rw\n", "/host/proc", HOST},
		{"200 100 0:21 /sys/kernel /k rw - proc x rw\n", "/k", HOST},
		{"200 100 0:20 / /host/sys ro - sysfs x rw\n", "/host/sys", HOST},
		{"200 100 0:26 / /cgroup rw - cgroup2 x rw\n", "/cgroup", HOST},
		{"200 100 0:5 / /host/dev rw - devtmpfs x rw\n", "/host/dev", HOST},
		{"200 100 0:5 /kmsg /log rw - devtmpfs x rw\n", "/log", HOST},
		{"200 100 0:24 /docker.sock /docker.sock rw - tmpfs x rw\n", "/docker.sock", HOST},
		{"200 100 0:24 /containerd /c rw - tmpfs x rw\n", "/c/containerd.sock", HOST},
		{"200 100 0:41 / /user rw - tmpfs x rw\n", "/user/docker.sock", HOST},
		{"200 100 8:2 /var/lib/kubelet /k rw - ext4 x rw\n",
		 "/k/pod-resources/kubelet.sock", HOST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_places all;

		find_places(cases[i].text, &all);
		assert_flags(&all, cases[i].path, cases[i].flags);
		host_places_done(&all);
	}
}

static void root_of_the_host_has_secrets_and_data(void **state)
{
	struct host_places all;

	(void)state;
	find_places("200 100 8:2 / /host rw - ext4 x rw\n", &all);
	assert_flags(&all, "/host/etc/shadow", SECRET);
	assert_flags(&all, "/host/etc/ssh", SECRET);
	assert_flags(&all, "/host/root", SECRET);
	assert_flags(&all, "/host/srv", 0);
	assert_flags(&all, "/host/var/tmp", 0);
	assert_flags(&all, "/host/dev/null", 0);
	assert_null(place_of(&all, "/host/etc"));
	assert_null(place_of(&all, "/host/run/docker.sock"));
	host_places_done(&all);
	find_places("200 100 8:2 /etc /e rw - ext4 x rw\n", &all);
	assert_flags(&all, "/e/shadow", SECRET);
	assert_flags(&all, "/e/ssl/private", SECRET);
	assert_null(place_of(&all, "/e/srv"));
	host_places_done(&all);
}

/* An engine mounts the host's root with all that is mounted in it, and a volume inside. */
static void mounts_below_the_host_are_the_hosts_if_they_are_so_there(void **state)
{
	struct host_places all;

	(void)state;
	find_places("200 100 8:2 / /host rw - ext4 x rw\n"
		    "201 200 8:3 / /host/home rw - ext4 x rw\n"
		    "202 200 0:21 / /host/proc rw - proc x rw\n"
		    "203 200 0:40 / /host/var/lib/docker/overlay2/aa/merged rw - overlay x rw\n"
		    "204 200 8:4 /@media /host/srv/media rw - btrfs x rw\n"
		    "205 200 8:2 /srv/data /host/etc/app rw - ext4 x rw\n"
		    "206 205 0:70 / /host/etc/app/cache rw - tmpfs x rw\n"
		    "207 200 8:2 /etc /host/srv/chroot/etc rw - ext4 x rw\n",
		    &all);
	assert_flags(&all, "/host", HOST);
	assert_flags(&all, "/host/home", SECRET);
	assert_null(place_of(&all, "/host/proc"));
	assert_null(place_of(&all, "/host/var/lib/docker/overlay2/aa/merged"));
	assert_null(place_of(&all, "/host/srv/media"));
	assert_flags(&all, "/host/etc/app", 0);
	assert_null(place_of(&all, "/host/etc/app/cache"));
	assert_null(place_of(&all, "/host/srv/chroot/etc"));
	host_places_done(&all);
}

static void sockets_in_a_volume_below_a_place_of_the_host_are_the_hosts(void **state)
{
	struct host_places all;

	(void)state;
	find_places("200 100 8:2 /etc /host/etc rw - ext4 x rw\n"
		    "201 200 0:24 /containerd /host/etc/run rw - tmpfs x rw\n",
		    &all);
	assert_flags(&all, "/host/etc/run", 0);
	assert_flags(&all, "/host/etc/run/containerd.sock", HOST);
	host_places_done(&all);
}

static void mounts_hide_what_is_below_them(void **state)
{
	struct host_places all;

	(void)state;
	find_places("200 100 8:2 /etc /x rw - ext4 x rw\n"
		    "201 200 0:70 / /x rw - tmpfs x rw\n",
		    &all);
	assert_int_equal(all.n, 1);
	assert_flags(&all, "/x", 0);
	host_places_done(&all);
	find_places("200 100 0:24 /containerd /x rw - tmpfs x rw\n"
		    "201 200 8:2 /etc /x rw - ext4 x rw\n",
		    &all);
	assert_flags(&all, "/x", HOST);
	assert_null(place_of(&all, "/x/containerd.sock"));
	host_places_done(&all);
}

/* The host shows /etc in a chroot, too: that it is its own /etc counts. */
static void sources_that_the_host_has_twice_are_the_hosts(void **state)
{
	struct host_places all;

	(void)state;
	find_places("200 100 8:2 /etc /x rw - ext4 x rw\n", &all);
	assert_flags(&all, "/x", HOST);
	host_places_done(&all);
}

static void root_of_the_container_is_its_image(void **state)
{
	static const char host[] = "20 1 8:2 / / rw - ext4 x rw\n";
	static const char own[] =
		"90 1 8:2 / / rw - ext4 x rw\n91 90 8:2 /srv/a /a rw - ext4 x rw\n";
	struct mounts h = {}, o = {};
	struct host_places all;

	(void)state;
	assert_int_equal(mounts_parse(host, strlen(host), &h), 0);
	assert_int_equal(mounts_parse(own, strlen(own), &o), 0);
	assert_int_equal(host_mounts_find(&h, &o, &all), 0);
	assert_int_equal(all.n, 0);
	host_places_done(&all);
	mounts_done(&h);
	mounts_done(&o);
}

static void places_are_bounded(void **state)
{
	struct host_places all = {};

	(void)state;
	for (unsigned i = 0; i < HOST_PLACES_MAX; i++) {
		char point[32];

		snprintf(point, sizeof(point), "/m%u", i);
		assert_int_equal(host_places_add_mount(&all, "/etc", point), 0);
	}
	assert_int_equal(all.n, HOST_PLACES_MAX);
	assert_true(all.left_out > 0);
	host_places_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container_without_the_host_has_no_places),
		cmocka_unit_test(volumes_are_no_places),
		cmocka_unit_test(protected_directories_are_places),
		cmocka_unit_test(root_of_the_host_has_secrets_and_data),
		cmocka_unit_test(mounts_below_the_host_are_the_hosts_if_they_are_so_there),
		cmocka_unit_test(sockets_in_a_volume_below_a_place_of_the_host_are_the_hosts),
		cmocka_unit_test(mounts_hide_what_is_below_them),
		cmocka_unit_test(sources_that_the_host_has_twice_are_the_hosts),
		cmocka_unit_test(root_of_the_container_is_its_image),
		cmocka_unit_test(places_are_bounded),
	};

	return cmocka_run_group_tests_name("host_mounts", tests, NULL, NULL);
}
