/* SPDX-License-Identifier: Apache-2.0 */
/* Policies as directories: load whole or not at all, save whole or not at all. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"
#include "lib/policy/files/policy_key.h"

/* What a person added stays when the policy is replaced: the last of files[]. */
#define KEPT_FILES 2
static const char *const files[] = {POLICY_JSON_FILE,	  POLICY_TABLES_FILE,
				    POLICY_MODEL_FILE,	  POLICY_SIGNATURE_FILE,
				    POLICY_ACCEPTED_FILE, POLICY_ACCEPTED_SIGNATURE};
#define N_FILES (sizeof(files) / sizeof(files[0]))

void policy_sum(const void *data, size_t len, char ret[static POLICY_SHA256_TEXT])
{
	unsigned char h[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(h, data, len);
	sodium_bin2hex(ret, POLICY_SHA256_TEXT, h, sizeof(h));
}

/* ---- loading ---- */

int policy_decode(struct policy **ret, const char *json, size_t json_len, const uint8_t *tables,
		  size_t tables_len, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = calloc(1, sizeof(*p));
	json_auto_t *j = NULL;
	struct err why = {};
	char sha256[POLICY_SHA256_TEXT];
	json_error_t je;
	size_t want;
	int r;

	if (!p)
		return err_oom(err);
	j = json_loadb(json, json_len, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		return err_set(err, -EBADMSG, POLICY_JSON_FILE ": line %d: %s", je.line, je.text);
	r = policy_json_decode(p, j, &want, &why);
	if (r < 0)
		return err_set(err, r, POLICY_JSON_FILE ": %s", why.msg);
	policy_sum(tables, tables_len, sha256);
	if (want != tables_len || strcmp(sha256, p->tables_sha256) != 0)
		return err_set(err, -EBADMSG,
			       POLICY_TABLES_FILE ": damaged, or not this " POLICY_JSON_FILE
						  "'s: train again, or restore both files");
	r = policy_tables_decode(p, tables, tables_len, &why);
	if (r == 0)
		r = policy_check(p, &why);
	if (r < 0)
		return err_set(err, r, POLICY_TABLES_FILE ": %s", why.msg);
	r = policy_json_match(p, j, &why);
	if (r == 0)
		r = policy_args_decode(p, j, &why);
	if (r < 0)
		return err_set(err, r, POLICY_JSON_FILE ": %s", why.msg);
	policy_sum(json, json_len, p->json_sha256);
	*ret = TAKE_PTR(p);
	return 0;
}

/* What a failure to read one of the files means for the policy. */
static int file_error(int r, bool is_json, const char *dir, const struct err *why, struct err *err)
{
	if (r == -ENOENT && is_json)
		return err_set(err, -ENOENT,
			       "%s: no policy there (" POLICY_JSON_FILE " is missing)", dir);
	if (r == -ENOENT || r == -EINVAL || r == -EFBIG)
		r = -EBADMSG;
	return err_set(err, r, "%s: %s", dir, why->msg);
}

int policy_load(struct policy **ret, const char *dir, struct err *err)
{
	return policy_load_signed(ret, dir, NULL, err);
}

int policy_load_signed(struct policy **ret, const char *dir, const struct policy_keys *keys,
		       struct err *err)
{
	_cleanup_free_ char *json = NULL, *tables = NULL;
	_cleanup_close_ int fd = -1;
	size_t json_len, tables_len;
	struct err why = {};
	int r;

	/* Both files by one descriptor: a policy that is being replaced cannot be mixed. */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ENOENT, "%s: no such policy", dir);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	r = file_read(fd, POLICY_JSON_FILE, POLICY_JSON_MAX, &json, &json_len, &why);
	if (r < 0)
		return file_error(r, true, dir, &why, err);
	/* First: what nobody answers for is not even parsed. */
	r = keys && keys->n ? policy_signature_check(fd, json, json_len, keys, &why) : 0;
	if (r < 0)
		return err_set(err, r, "%s: %s", dir, why.msg);
	r = file_read(fd, POLICY_TABLES_FILE, POLICY_TABLES_MAX, &tables, &tables_len, &why);
	if (r < 0)
		return file_error(r, false, dir, &why, err);
	r = policy_decode(ret, json, json_len, (const uint8_t *)tables, tables_len, &why);
	if (r < 0)
		return err_set(err, r, "%s: %s", dir, why.msg);
	return 0;
}

int policy_load_model(struct policy *p, const char *dir, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_close_ int fd = -1;
	char sha256[65];
	struct err why = {};
	size_t len;
	int r;

	if (!p->model_sha256[0])
		return err_set(err, -ENODATA,
			       "%s: was saved without " POLICY_MODEL_FILE
			       ", from which an update is made: train it anew",
			       dir);
	if (!policy_has_level(p))
		return err_set(err, -ENODATA,
			       "%s: made by an older lutra, so it has no level M and cannot be "
			       "updated: train it anew, or use lutra learn --anew",
			       dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	r = file_read(fd, POLICY_MODEL_FILE, POLICY_MODEL_MAX, &data, &len, &why);
	if (r < 0)
		return err_set(err, r == -ENOENT ? -ENODATA : r, "%s: %s", dir, why.msg);
	policy_sum(data, len, sha256);
	if (len != p->model_bytes || strcmp(sha256, p->model_sha256) != 0)
		return err_set(err, -EBADMSG,
			       "%s: " POLICY_MODEL_FILE " is damaged, or not this policy's: train "
			       "it anew",
			       dir);
	r = policy_model_decode(&p->model, (const uint8_t *)data, len, &why);
	return r < 0 ? err_set(err, r, "%s: " POLICY_MODEL_FILE ": %s", dir, why.msg) : 0;
}

/* ---- saving ---- */

/* A policy as its files will have it. */
struct encoded {
	char *json;
	uint8_t *tables, *model; /* model: NULL where there is none */
	size_t tables_len, model_len;
};

static void encoded_done(struct encoded *e)
{
	free(e->json);
	free(e->tables);
	free(e->model);
}

static void remove_files(int fd)
{
	for (size_t i = 0; i < N_FILES; i++)
		unlinkat(fd, files[i], 0);
}

/* Remove a policy's own files and its directory. */
static void remove_policy(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int previous = -1;

	if (fd < 0)
		return;
	remove_files(fd);
	previous = openat(fd, POLICY_PREVIOUS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (previous >= 0)
		remove_files(previous);
	unlinkat(fd, POLICY_PREVIOUS_DIR, AT_REMOVEDIR);
	rmdir(dir);
}

static void dir_close(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* May dir be replaced? 0: there is nothing, 1: an old policy or an empty directory. */
static int check_target(const char *dir, struct err *err)
{
	_cleanup_(dir_close) DIR *d = NULL;
	struct dirent *e;
	struct stat st;

	if (lstat(dir, &st) < 0 && errno == ENOENT)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s: exists and is not a directory", dir);
	d = opendir(dir);
	if (!d)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d))) {
		bool known = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			     strcmp(e->d_name, POLICY_PREVIOUS_DIR) == 0;

		for (size_t i = 0; i < N_FILES; i++)
			known |= strcmp(e->d_name, files[i]) == 0;
		if (!known)
			return err_set(err, -EEXIST,
				       "%s: holds other files than a policy's: name another "
				       "directory",
				       dir);
	}
	return 1;
}

static int write_files(const char *dir, const void *ctx)
{
	const struct encoded *e = ctx;
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0 || fchmod(fd, 0755) < 0)
		return -errno;
	r = file_create(fd, POLICY_TABLES_FILE, 0644, e->tables, e->tables_len);
	if (r == 0 && e->model)
		r = file_create(fd, POLICY_MODEL_FILE, 0644, e->model, e->model_len);
	if (r == 0)
		r = file_create(fd, POLICY_JSON_FILE, 0644, e->json, strlen(e->json));
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	return r;
}

/*
 * The policy in dir, which tmp replaces, stays to be compared with and to be rolled back to, as a
 * directory of tmp with the same files. Where a file system has no hard links there is none.
 */
static void keep_previous(const char *dir, const char *tmp)
{
	_cleanup_close_ int from = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int sub = -1;

	if (from < 0 || to < 0 || faccessat(from, POLICY_JSON_FILE, F_OK, 0) < 0 ||
	    mkdirat(to, POLICY_PREVIOUS_DIR, 0755) < 0)
		return;
	sub = openat(to, POLICY_PREVIOUS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_FILES && sub >= 0; i++)
		(void)!linkat(from, files[i], sub, files[i], 0);
	if (sub >= 0 && faccessat(sub, POLICY_JSON_FILE, F_OK, 0) < 0)
		unlinkat(to, POLICY_PREVIOUS_DIR, AT_REMOVEDIR);
}

/* Returns true if two directories have the same file of this name, or neither has one. */
static bool is_same_file(int a, int b, const char *name)
{
	struct stat in_a, in_b;
	int has_a = fstatat(a, name, &in_a, 0), has_b = fstatat(b, name, &in_b, 0);

	if (has_a < 0 || has_b < 0)
		return has_a < 0 && has_b < 0;
	return in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
}

/* Copies or links a file of a directory to another one, in place of one that is there. */
static int carry_file(int from, int to, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (unlinkat(to, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (linkat(from, name, to, name, 0) == 0 || errno == ENOENT)
		return 0;
	r = file_read(from, name, POLICY_MODEL_MAX, &text, &len, NULL);
	return r < 0 ? r : file_create(to, name, 0644, text, len);
}

/*
 * What a person added to the policy in from is carried to the one in to. Called again once the two
 * are exchanged, for what was added meanwhile. Returns 0 or -errno.
 */
static int carry_kept(const char *from_dir, const char *to_dir)
{
	_cleanup_close_ int from = open(from_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = open(to_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = from < 0 || to < 0 ? -errno : 0;

	for (size_t i = N_FILES - KEPT_FILES; i < N_FILES && r == 0; i++)
		if (!is_same_file(from, to, files[i]))
			r = carry_file(from, to, files[i]);
	return r;
}

/* tmp becomes dir; what was dir before, if anything, is at tmp. */
static int swap_in(const char *tmp, const char *dir, bool exists)
{
	_cleanup_free_ char *old = NULL;

	if (!exists)
		return rename(tmp, dir) < 0 ? -errno : 0;
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, dir, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system without exchange: for a moment there is no policy, but never half of one.
	 */
	if (asprintf(&old, "%s.old", tmp) < 0)
		return -ENOMEM;
	if (rename(dir, old) < 0)
		return -errno;
	if (rename(tmp, dir) < 0) {
		int r = -errno;

		return rename(old, dir) < 0 ? -errno : r;
	}
	return rename(old, tmp) < 0 ? -errno : 0;
}

/* Fills an empty directory with the files of a policy, what a person added apart. */
struct filling {
	int (*fill)(const char *dir, const void *ctx);
	const void *ctx;
};

/* Puts a policy into dir, in place of one that is there, whole or not at all. */
static int replace_policy(const char *dir, const struct filling *with, struct err *err)
{
	_cleanup_free_ char *tmp = NULL;
	const char *name = strrchr(dir, '/');
	int exists = check_target(dir, err), carried = 0, r;

	if (exists < 0)
		return exists;
	/* Hidden: what a crash may leave is no policy to anyone who lists them. */
	name = name ? name + 1 : dir;
	if (asprintf(&tmp, "%.*s.%s.tmp.XXXXXX", (int)(name - dir), dir, name) < 0)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	if (!mkdtemp(tmp))
		return err_set(err, -errno, "%s: cannot create a directory beside it: %s", dir,
			       strerror(errno));
	r = with->fill(tmp, with->ctx);
	if (r == 0 && exists)
		keep_previous(dir, tmp);
	if (r == 0 && exists)
		r = carry_kept(dir, tmp);
	if (r == 0)
		r = swap_in(tmp, dir, exists);
	if (r == 0 && exists)
		carried = carry_kept(tmp, dir);
	if (carried < 0)
		return err_set(err, carried,
			       "%s: is saved, but what was accepted meanwhile is in %s alone: %s; "
			       "move accepted.json and accepted.sig from there",
			       dir, tmp, strerror(-carried));
	/* What tmp is now: unfinished, or the policy that was replaced. */
	remove_policy(tmp);
	if (r < 0)
		return err_set(err, r, "%s: cannot save: %s; what was there before is kept", dir,
			       strerror(-r));
	r = file_sync_parent(dir);
	return r < 0 ? err_set(err, r, "%s: cannot sync: %s", dir, strerror(-r)) : 0;
}

/* Takes the files of the directory ctx. */
static int take_files(const char *dir, const void *ctx)
{
	_cleanup_close_ int from = open(ctx, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = from < 0 || to < 0 || fchmod(to, 0755) < 0 ? -errno : 0;

	for (size_t i = 0; i < N_FILES - KEPT_FILES && r == 0; i++)
		r = carry_file(from, to, files[i]);
	return r;
}

int policy_roll_back(const char *dir, const struct policy_keys *keys, struct policy **ret,
		     struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *previous = NULL;
	int r;

	if (asprintf(&previous, "%s/" POLICY_PREVIOUS_DIR, dir) < 0)
		return err_oom(err);
	r = policy_load_signed(&p, previous, keys, err);
	if (r == -ENOENT)
		return err_set(err, r, "%s: replaced no policy: there is nothing to roll back to",
			       dir);
	if (r == 0)
		r = replace_policy(dir, &(struct filling){take_files, previous}, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

int policy_save(struct policy *p, const char *dir, struct err *err)
{
	_cleanup_(encoded_done) struct encoded e = {};
	_cleanup_free_ char *path = strdup(dir);
	struct err why = {};
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	r = policy_check(p, &why);
	if (r < 0)
		return err_set(err, -EINVAL, "%s: not a policy that could be loaded: %s", path,
			       why.msg);
	r = policy_tables_encode(p, &e.tables, &e.tables_len);
	if (r == 0 && p->model)
		r = policy_model_encode(p->model, &e.model, &e.model_len);
	if (r < 0)
		return err_set(err, r, "%s: out of memory", path);
	policy_sum(e.tables, e.tables_len, p->tables_sha256);
	p->model_sha256[0] = '\0';
	if (e.model)
		policy_sum(e.model, e.model_len, p->model_sha256);
	p->model_bytes = e.model_len;
	r = policy_json_encode(p, e.tables_len, &e.json, &why);
	if (r < 0)
		return err_set(err, r, "%s: %s", path, why.msg);
	return replace_policy(path, &(struct filling){write_files, &e}, err);
}

char *policy_json_path(const char *dir)
{
	char *path;

	return asprintf(&path, "%s/" POLICY_JSON_FILE, dir) < 0 ? NULL : path;
}
