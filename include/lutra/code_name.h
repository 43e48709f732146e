/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of the scorer (score.h): names of code, and names of files that decide who may log in. An
 * interpreter, the loader, a shell, cron or a login service reads files of these names. So whoever
 * writes such a file changes which code runs, or who may log in, without executing anything. The
 * lists are written by hand. They follow what the rules of Falco and auditd watch, and which files
 * web servers give to interpreters.
 *
 * Each name has an index; names of one kind share an index. Policies hold indices, so an index never
 * changes its meaning, and new indices are added at the end. A policy uses the indices up to the last
 * one that existed when it was trained.
 */
#ifndef LUTRA_CODE_NAME_H
#define LUTRA_CODE_NAME_H

#include "lutra/score_path.h"

#define LUTRA_CODE_FORMAT_2 29 /* the last index that policies before format 3 use */
#define LUTRA_CODE_LOGIN 44    /* the index of files that decide who may log in */
#define LUTRA_CODE_SECRET 50   /* the index of lutra_secret_name() */
#define LUTRA_CODE_LAST 50     /* the last index; LUTRA_FIELD_EXTENSION has room for 63 */

struct lutra_code_name {
	union {
		char s[16]; /* padded with zeros, at least one */
		__u64 word[2];
	};
	__u64 index;
};

/* Extensions, in lower case, of at most 8 bytes. */
static const struct lutra_code_name lutra_code_exts[] = {
	/* Scripts, modules, libraries and programs. Web servers obey the directives in .htaccess. */
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
	/* systemd units. */
	{{"service"}, 28},
	{{"timer"}, 29},
	/* More scripts. Pages with server-side includes (shtml) may run commands. */
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
	/* Password files of web servers. */
	{{"htpasswd"}, 44},
};

/* Extensions that may have a version after them: libx.so.1, x.php5. */
static const struct lutra_code_name lutra_code_versioned[] = {
	{{"so"}, 30},
	{{"php"}, 31},
};

/* Whole names, of at most 15 bytes. */
static const struct lutra_code_name lutra_code_files[] = {
	/* Files that decide who may log in. ".ssh": the directory itself, or a link in its place. */
	{{"authorized_keys"}, 44},
	{{".ssh"}, 44},
	{{".rhosts"}, 44},
	{{".shosts"}, 44},
	{{".k5login"}, 44},
	{{"passwd"}, 44},
	{{"shadow"}, 44},
	{{"gshadow"}, 44},
	{{"sudoers"}, 44},
	/* Files that shells read when they start or end. */
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
	/* cron jobs. */
	{{"crontab"}, 46},
	{{"anacrontab"}, 46},
	/* PHP configuration: auto_prepend_file names a script that PHP runs first. */
	{{".user.ini"}, 47},
	{{"php.ini"}, 47},
	/* Mail filters: they can give mail to a program. */
	{{".forward"}, 48},
	{{".procmailrc"}, 48},
	{{".mailfilter"}, 48},
	/* Files with code that the loader or the system runs when it starts. */
	{{"ld.so.preload"}, 49},
	{{"rc.local"}, 49},
};

/* Names of directories. Any file directly in such a directory has the index. */
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

/* Returns a mask of the first len bytes of a little-endian word. len over 8: of all 8. */
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
 * Returns the length of a name without its version, that is without the digits and dots at its end.
 * "#" counts as a digit, because folding replaces digits by "#" in the names of runs.
 */
LUTRA_FN __u32 lutra_len_without_version(const struct lutra_name *name, __u32 len)
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
 * Returns the index of a name of code, or 0 if it is none. dir: the name of its parent directory;
 * dir_len: 0 if the parent is the root. Both buffers hold LUTRA_NAME bytes.
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
	end = lutra_len_without_version(name, len);
	if (end == len)
		return 0;
	return lutra_code_find(lutra_code_versioned, LUTRA_CODE_COUNT(lutra_code_versioned),
			       lutra_ext_bytes(name, end), 0);
}

/* Returns the index of the last name of a path, or 0. It depends on the last two names. */
static __always_inline __u32 lutra_code_of_path(const struct lutra_path *path)
{
	return lutra_code_index((const struct lutra_name *)(const void *)path->name[0],
				path->len[0],
				(const struct lutra_name *)(const void *)path->name[1],
				path->n > 1 ? path->len[1] : 0);
}

union lutra_text_word {
	char s[8];
	__u64 word;
};

/* Returns 1 if a word that begins a name begins with a text of at most 8 bytes, else 0. */
#define LUTRA_BEGINS_WITH(begin, text)                                                             \
	((__u32)(((begin)&lutra_bytes_mask(sizeof(text) - 1)) ==                                   \
		 ((const union lutra_text_word){text}).word))

/* Returns true if an extension is one of private keys, key stores, or files of passwords. */
LUTRA_FN __u32 lutra_ext_is_secret(__u64 ext)
{
	static const union lutra_text_word secret[] = {
		{"env"},      {"key"},	  {"ppk"},	{"pfx"},    {"jks"},   {"kdbx"},
		{"keystore"}, {"keytab"}, {"htpasswd"}, {"pgpass"}, {"netrc"}, {"secret"},
	};

	for (__u32 i = 0; i < LUTRA_CODE_COUNT(secret); i++) {
		if (secret[i].word == ext)
			return 1;
	}
	return 0;
}

/*
 * Returns true if an extension is one of files of credentials. Modules of programs have names like
 * theirs: secrets.py.
 */
LUTRA_FN __u32 lutra_ext_is_credential(__u64 ext)
{
	static const union lutra_text_word credential[] = {
		{""},	 {"json"}, {"yml"}, {"yaml"}, {"toml"}, {"ini"}, {"conf"},  {"cnf"},
		{"xml"}, {"db"},   {"csv"}, {"txt"},  {"enc"},	{"cfg"}, {"store"}, {"bak"},
	};

	for (__u32 i = 0; i < LUTRA_CODE_COUNT(credential); i++) {
		if (credential[i].word == ext)
			return 1;
	}
	return 0;
}

/* Returns true if a name begins as those of files of credentials do. word: its first 8 bytes. */
LUTRA_FN __u32 lutra_begins_as_credential(__u64 word)
{
	static const union lutra_text_word whole[] = {
		{"credenti"}, {".credent"}, {".git-cre"}, {"secrets."}};

	for (__u32 i = 0; i < LUTRA_CODE_COUNT(whole); i++) {
		if (whole[i].word == word)
			return 1;
	}
	return LUTRA_BEGINS_WITH(word, ".my.cnf");
}

/*
 * Returns true if files of this name hold secrets, in whatever directory they are: environments with
 * passwords (.env, .env.local), private keys (*.key, id_rsa), credentials. The list is written by hand.
 * "id_" counts without an extension only: id_rsa.pub is public. name: LUTRA_NAME bytes, of which len
 * count. Folding of digits changes no answer.
 */
LUTRA_FN __u32 lutra_secret_name(const struct lutra_name *name, __u32 len)
{
	__u64 word, ext;
	__u32 after, secret, credential;

	if (!name)
		return 0;
	word = LUTRA_LOAD64(name->s) & lutra_bytes_mask(len);
	ext = lutra_ext_bytes(name, len);
	after = (__u32)(word >> 24) & 0xff;
	secret = lutra_ext_is_secret(ext);
	secret |= LUTRA_BEGINS_WITH(word, "id_") & (__u32)!ext &
		  ((__u32)(lutra_byte_kind[after] != 0) | (__u32)(after == '#'));
	after = (__u32)(word >> 32) & 0xff;
	secret |= LUTRA_BEGINS_WITH(word, ".env") & ((__u32)(after == '.') | (__u32)(after == '-'));
	credential = lutra_begins_as_credential(word);
	return secret |
	       (credential & (lutra_ext_is_credential(ext) | LUTRA_BEGINS_WITH(word, ".")));
}

/* Returns lutra_secret_name() of the last name of a path. */
static __always_inline __u32 lutra_path_is_secret(const struct lutra_path *path)
{
	return lutra_secret_name((const struct lutra_name *)(const void *)path->name[0],
				 path->len[0]);
}

#endif
