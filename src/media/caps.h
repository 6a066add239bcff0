/* SPDX-License-Identifier: Apache-2.0 */
/* Reports what the media libraries can do on this machine. Linked into workers
 * only. */
#ifndef VDET_MEDIA_CAPS_H
#define VDET_MEDIA_CAPS_H

#include <jansson.h>

/* {libraries: {name: version}, decoders: [names of those that matter], missing:
 * [likewise], filters_missing: [names], hardware: [{name, usable, note}]}. The
 * caller owns it. Opens devices: not for use inside a sandbox. */
json_t *caps_json(void);

/* "FFmpeg 5.1.6, libavformat 59.27.100, …"; opens nothing. */
enum { CAPS_LIBRARIES_MAX = 400 };
const char *caps_libraries(char out[static CAPS_LIBRARIES_MAX]);

#endif
