/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that reads the store and policies for requests, so that the main loop waits for neither:
 * the hook of a container that starts is answered meanwhile. Requests are answered one after the
 * other. A job is the loop's until read_thread_put(), then the thread's, then the loop's again.
 *
 * Fails: what does not fit into the queue is answered with 503 at once.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "user/api/routes/read_thread.h"
#include "user/sys/worker.h"

#define JOB_BYTES 1024 /* that a request counts for */
#define READ_NICE 5    /* the main loop goes first: a container that starts waits for it */
#define QUEUE_BYTES (HTTP_CONNECTIONS_MAX * 2 * JOB_BYTES)

struct read_thread {
	struct read_thread_parts parts;
	struct worker *worker;
	struct loop_watch watch; /* an eventfd: jobs are done */
	pthread_mutex_t lock;	 /* of done */
	struct read_job *done;
	struct pipeline_reader reader; /* the thread's */
};

/* Runs in the thread; in the loop for what did not fit, which has no answer yet. */
static void hand_back(struct worker_item *i)
{
	struct read_job *job = (struct read_job *)i;
	struct read_thread *t = job->thread;
	const uint64_t one = 1;

	if (!job->answered)
		http_error(&job->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "too many requests wait for an answer: try again later");
	pthread_mutex_lock(&t->lock);
	job->next_done = t->done;
	t->done = job;
	pthread_mutex_unlock(&t->lock);
	if (write(t->watch.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("http: an answer waits: %s", strerror(errno));
}

static unsigned on_jobs(void *ctx, struct worker_item *items)
{
	struct read_thread *t = ctx;

	for (struct worker_item *i = items; i; i = i->next) {
		struct read_job *job = (struct read_job *)i;

		if (worker_is_stopping(t->worker))
			break;
		job->call.reader = &t->reader;
		job->answered = t->parts.answer(&job->call, job->run, &job->reply) == 0;
	}
	return 0;
}

/* Sends what is answered. Runs on the loop. */
static void send_answers(void *ctx)
{
	struct read_thread *t = ctx;
	struct read_job *job, *next;
	uint64_t n;

	if (read(t->watch.fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_error("http: %s", strerror(errno));
	pthread_mutex_lock(&t->lock);
	job = t->done;
	t->done = NULL;
	pthread_mutex_unlock(&t->lock);
	for (; job; job = next) {
		next = job->next_done;
		http_finish(job->later, &job->reply);
		json_decref(job->call.prepared);
		free(job->name);
		free(job);
	}
	if (t->parts.on_sent)
		t->parts.on_sent(t->parts.ctx);
}

int read_thread_put(struct read_thread *t, const struct api_call *call, api_handler *run)
{
	struct read_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	*job = (struct read_job){.item.bytes = JOB_BYTES,
				 .thread = t,
				 .call = *call,
				 .run = run,
				 .config = *call->config,
				 .name = strdup(call->name)};
	job->later = job->name ? http_later(call->q, &job->call.q) : NULL;
	if (!job->later) {
		free(job->name);
		free(job);
		return -ENOMEM;
	}
	job->call.name = job->name;
	job->call.config = &job->config;
	json_incref(job->call.prepared);
	worker_put(t->worker, &job->item);
	return 0;
}

int read_thread_new(struct read_thread **ret, const struct read_thread_parts *parts,
		    struct err *err)
{
	_cleanup_(read_thread_freep) struct read_thread *t = calloc(1, sizeof(*t));
	const struct worker_config config = {.name = "lutra-read",
					     .max_bytes = QUEUE_BYTES,
					     .max_items = 1,
					     .nice = READ_NICE,
					     .on_items = on_jobs,
					     .free_item = hand_back,
					     .ctx = t};
	int r;

	if (!t)
		return err_oom(err);
	t->parts = *parts;
	pthread_mutex_init(&t->lock, NULL);
	t->watch = (struct loop_watch){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .on_ready = send_answers, .ctx = t};
	if (t->watch.fd < 0)
		return err_set(err, -errno, "eventfd: %s", strerror(errno));
	r = loop_watch(parts->loop, &t->watch, EPOLLIN, err);
	if (r < 0)
		return r;
	r = worker_new(&t->worker, &config);
	if (r == 0)
		r = worker_start(t->worker);
	if (r < 0)
		return err_set(err, r, "the thread that reads for requests: %s", strerror(-r));
	*ret = TAKE_PTR(t);
	return 0;
}

void read_thread_free(struct read_thread *t)
{
	if (!t)
		return;
	worker_free(t->worker);
	if (t->watch.fd >= 0)
		send_answers(t);
	loop_unwatch(t->parts.loop, &t->watch);
	pipeline_reader_close(&t->reader);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
