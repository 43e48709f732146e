/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of the scorer (score.h): names that say by themselves what their file does. To write a file
 * of such a name is to change which code runs, or who may log in, without executing anything: an
 * interpreter, the loader, a shell, cron or a login service reads the file later. The lists are an
 * expert's. They follow what Falco's and auditd's rules watch, and what web servers hand to
 * interpreters.
 *
 * Each name has an index. Policies hold indices: an index never gets another meaning, and new ones
 * are added at the end. A policy knows the indices up to the last one of its training.
 */
#ifndef LUTRA_CODE_NAME_H
#define LUTRA_CODE_NAME_H

#include "lutra/score_path.h"

#define LUTRA_CODE_FORMAT_2 29 /* the last index that policies before format 3 know */
#define LUTRA_CODE_LAST 49     /* at most 63: LUTRA_FIELD_EXTENSION */

struct lutra_code_name {
	union {
		char s[16]; /* zeroes behind it, at least one */
		__u64 word[2];
	};
	__u64 index;
};

/* Extensions, in small letters, of at most 8 bytes. */
static const struct lutra_code_name lutra_code_exts[] = {
	/* Scripts, modules, libraries and programs. Web servers run .htaccess's directives. */
	{{"php"}, 1},
	{{"phtml"}, 2},
	{{"phar"}, 3},
	{{"py"}, 4},
	{{"pyc"}, 5},
	{{"pth"}, 6},
	{{"js"}, 7},
	{{"mjs"}, 8},
	{{"cjs"}, 9},
	{{"node"}, 10},
	{{"sh"}, 11},
	{{"pl"}, 12},
	{{"pm"}, 13},
	{{"rb"}, 14},
	{{"lua"}, 15},
	{{"cgi"}, 16},
	{{"jsp"}, 17},
	{{"jar"}, 18},
	{{"war"}, 19},
	{{"class"}, 20},
	{{"asp"}, 21},
	{{"aspx"}, 22},
	{{"so"}, 23},
	{{"ko"}, 24},
	{{"elf"}, 25},
	{{"exe"}, 26},
	{{"htaccess"}, 27},
	/* Units of systemd. */
	{{"service"}, 28},
	{{"timer"}, 29},
	/* Other extensions of the same languages. Pages with server-side includes may run commands. */
	{{"pht"}, 32},
	{{"shtml"}, 33},
	{{"shtm"}, 33},
	{{"stm"}, 33},
	{{"fcgi"}, 34},
	{{"bash"}, 35},
	{{"zsh"}, 35},
	{{"ksh"}, 35},
	{{"csh"}, 35},
	{{"fish"}, 35},
	{{"jspx"}, 36},
	{{"jspf"}, 36},
	{{"ear"}, 37},
	{{"ashx"}, 38},
	{{"asmx"}, 38},
	{{"ascx"}, 38},
	{{"asax"}, 38},
	{{"erb"}, 39},
	{{"rake"}, 39},
	{{"pyo"}, 40},
	{{"pyw"}, 40},
	{{"tcl"}, 41},
	{{"groovy"}, 42},
	{{"wasm"}, 43},
	/* Passwords of web servers. */
	{{"htpasswd"}, 44},
};

/* Extensions with a version behind them: libx.so.1, x.php5. */
static const struct lutra_code_name lutra_code_versioned[] = {
	{{"so"}, 30},
	{{"php"}, 31},
};

/* Whole names, of at most 15 bytes. */
static const struct lutra_code_name lutra_code_files[] = {
	/* Who may log in, and as whom. ".ssh" as a name is the directory, or a link in its place. */
	{{"authorized_keys"}, 44},
	{{".ssh"}, 44},
	{{".rhosts"}, 44},
	{{".shosts"}, 44},
	{{".k5login"}, 44},
	{{"passwd"}, 44},
	{{"shadow"}, 44},
	{{"gshadow"}, 44},
	{{"sudoers"}, 44},
	/* What shells read when they start and end. */
	{{".profile"}, 45},
	{{".bash_profile"}, 45},
	{{".bash_login"}, 45},
	{{".bash_logout"}, 45},
	{{".bash_aliases"}, 45},
	{{".bashrc"}, 45},
	{{".zshenv"}, 45},
	{{".zprofile"}, 45},
	{{".zshrc"}, 45},
	{{".zlogin"}, 45},
	{{".zlogout"}, 45},
	{{".kshrc"}, 45},
	{{".mkshrc"}, 45},
	{{".cshrc"}, 45},
	{{".tcshrc"}, 45},
	{{".login"}, 45},
	{{".logout"}, 45},
	/* Jobs of cron. */
	{{"crontab"}, 46},
	{{"anacrontab"}, 46},
	/* PHP's configuration of a directory: auto_prepend_file names code to run. */
	{{".user.ini"}, 47},
	{{"php.ini"}, 47},
	/* Delivery of mail to a program. */
	{{".forward"}, 48},
	{{".procmailrc"}, 48},
	{{".mailfilter"}, 48},
	/* What the loader and the system run at their start. */
	{{"ld.so.preload"}, 49},
	{{"rc.local"}, 49},
};

/* Names of directories: each file directly in one. */
static const struct lutra_code_name lutra_code_dirs[] = {
	{{".ssh"}, 44},		{{"sudoers.d"}, 44},   {{"pam.d"}, 44},	     {{"crontabs"}, 46},
	{{"cron.d"}, 46},	{{"cron.hourly"}, 46}, {{"cron.daily"}, 46}, {{"cron.weekly"}, 46},
	{{"cron.monthly"}, 46}, {{"profile.d"}, 45},   {{"init.d"}, 49},
};

#define LUTRA_CODE_COUNT(table) ((__u32)(sizeof(table) / sizeof((table)[0])))

/* Returns the index of a text in a table, or 0. */
static __always_inline __u32 lutra_code_find(const struct lutra_code_name *table, __u32 n,
					     __u64 word0, __u64 word1)
{
	for (__u32 i = 0; i < n; i++) {
		if (table[i].word[0] == word0 && table[i].word[1] == word1)
			return (__u32)table[i].index;
	}
	return 0;
}

/* Returns a mask of the first len bytes of 8. */
static __always_inline __u64 lutra_bytes_mask(__u32 len)
{
	return len < 8 ? (1ull << 8 * len) - 1 : ~0ull;
}

/* Returns the index of a whole name in a table, or 0. len: at most LUTRA_NAME. */
static __always_inline __u32 lutra_code_find_name(const struct lutra_code_name *table, __u32 n,
						  const struct lutra_name *name, __u32 len)
{
	__u64 word0 = LUTRA_LOAD64(name->s) & lutra_bytes_mask(len);
	__u64 word1 = LUTRA_LOAD64(name->s + 8) & lutra_bytes_mask(len > 8 ? len - 8 : 0);

	return len < sizeof(table[0].s) ? lutra_code_find(table, n, word0, word1) : 0;
}

/*
 * Returns how many bytes of a name are before its version: digits and dots at its end. A "#" counts
 * as a digit: names in runs are folded.
 */
LUTRA_FN __u32 lutra_before_version(const struct lutra_name *name, __u32 len)
{
	__u32 end = LUTRA_ZERO;

	if (!name)
		return 0;
	for (__u32 i = 0; i < LUTRA_NAME - 1; i++) {
		__u32 c = (unsigned char)name->s[i], mask;

		if (i >= len)
			break;
		mask = 0u -
		       (__u32)((lutra_byte_kind[c] & LUTRA_DIGIT) != 0 || c == '.' || c == '#');
		LUTRA_OPAQUE(mask);
		end ^= (end ^ (i + 1)) & ~mask;
	}
	return end;
}

/*
 * Returns the index of a name that stands for code or access, or 0. dir: the name of the directory
 * that it is in; dir_len: 0 if that is the root. Both names have room for LUTRA_NAME bytes.
 */
LUTRA_FN __u32 lutra_code_index(const struct lutra_name *name, __u32 len,
				const struct lutra_name *dir, __u32 dir_len)
{
	__u32 index, end;

	if (!name || !dir)
		return 0;
	index = lutra_code_find(lutra_code_exts, LUTRA_CODE_COUNT(lutra_code_exts),
				lutra_ext_bytes(name, len), 0);
	if (index)
		return index;
	index = lutra_code_find_name(lutra_code_files, LUTRA_CODE_COUNT(lutra_code_files), name,
				     len);
	if (index)
		return index;
	index = lutra_code_find_name(lutra_code_dirs, LUTRA_CODE_COUNT(lutra_code_dirs), dir,
				     dir_len);
	if (index)
		return index;
	end = lutra_before_version(name, len);
	if (end == len)
		return 0;
	return lutra_code_find(lutra_code_versioned, LUTRA_CODE_COUNT(lutra_code_versioned),
			       lutra_ext_bytes(name, end), 0);
}

/* Returns the index of a path by its last two names, or 0. */
static __always_inline __u32 lutra_code_of_path(const struct lutra_path *path)
{
	return lutra_code_index((const struct lutra_name *)(const void *)path->name[0],
				path->len[0],
				(const struct lutra_name *)(const void *)path->name[1],
				path->n > 1 ? path->len[1] : 0);
}

#endif
