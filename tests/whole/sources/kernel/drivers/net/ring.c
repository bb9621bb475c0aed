#include "ring.h"
#warning this driver is a test

int ring_put(struct ring *ring, uint8_t byte)
{
	if (!ring_room(ring))
		return -1;
	ring->data[ring->head++ % RING_SIZE] = byte;
	return 0;
}

int ring_get(struct ring *ring)
{
	return ring->head == ring->tail ? -1 : ring->data[ring->tail++ % RING_SIZE];
}
