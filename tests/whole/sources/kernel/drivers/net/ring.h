#ifndef RING_H
#define RING_H
#include <linux/kernel.h>
#define RING_SIZE 64

struct ring { unsigned head, tail; uint8_t data[RING_SIZE]; };

int ring_put(struct ring *ring, uint8_t byte);
int ring_get(struct ring *ring);
static inline unsigned ring_room(const struct ring *ring) { return RING_SIZE - (ring->head - ring->tail); }
#endif
