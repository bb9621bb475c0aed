#include <linux/kernel.h>
#ifdef CONFIG_BITMAP_TABLE
#include "no-such-table.h"
#endif
#if CONFIG_BITMAP_SHIFT
#error no shift
#endif

size_t bitmap_weight(const unsigned long *map, unsigned bits)
{
	size_t weight = 0;
	int unused;

	for (unsigned i = 0; i < bits; i++)
		weight += map[i / (8 * sizeof(*map))] >> i % (8 * sizeof(*map)) & 1;
	return weight;
}
