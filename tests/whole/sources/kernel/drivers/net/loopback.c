#include "ring.h"

static struct ring ring;

int transmit(const void *frame, unsigned size)
{
	const uint8_t *byte = frame;
	int sent = 0;

	if (WARN_ON(size > ring_room(&ring)))
		return -1;
	while (sent < size && !ring_put(&ring, byte[sent]))
		sent++;
	return sent;
}
