/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by fleet.py: a decoder dies of the packet at the place in its file
 * that POISON names. Children inherit it: the decoder is one. */
#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <signal.h>
#include <stdlib.h>

typedef int (*send_function)(AVCodecContext *c, const AVPacket *p);

static send_function next;
static long long place = -1;

/* The sandbox comes later. */
__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("POISON");

	if (text)
		place = atoll(text);
	next = (send_function)dlsym(RTLD_NEXT, "avcodec_send_packet");
}

int avcodec_send_packet(AVCodecContext *c, const AVPacket *p)
{
	if (p && p->size && place >= 0 && p->pos == place)
		raise(SIGKILL);
	return next(c, p);
}
