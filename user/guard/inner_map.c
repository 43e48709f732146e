/* SPDX-License-Identifier: Apache-2.0 */
/* Inner maps of a map-in-map. */
#include "user/guard/inner_map.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>

int inner_map_new(const struct bpf_object *obj, const char *type, size_t size)
{
	const struct btf *btf = bpf_object__btf(obj);
	int key_id = btf__find_by_name_kind(btf, "unsigned int", BTF_KIND_INT);
	int value_id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = (__u32)btf__fd(btf),
		    .btf_key_type_id = (__u32)key_id, .btf_value_type_id = (__u32)value_id);
	int fd;

	if (key_id < 0 || value_id < 0)
		return -ENOENT;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, type, sizeof(__u32), (__u32)size, 1, &opts);
	return fd < 0 ? -errno : fd;
}
