/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's log: lines on stderr, from any thread. */
#ifndef LUTRA_USER_SYS_LOG_H
#define LUTRA_USER_SYS_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * From now on lines begin with the time, in UTC. If stderr is the journal, they begin with their
 * priority instead, "<4>", and without the name of the program: the journal knows both.
 */
void log_open(void);

/* Writes only lines of this level or a graver one. Before the first call it is info. */
void log_set_level(enum log_level level);

/* Writes "PROGRAM: LINE" to stderr, behind the time after log_open(). A line longer than 4095 bytes is cut. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
