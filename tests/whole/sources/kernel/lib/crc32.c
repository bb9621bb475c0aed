#include <linux/kernel.h>
#include "crc32table.h"

uint32_t crc32(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *byte = data;

	while (size--)
		crc = crc >> 8 ^ table[(crc ^ *byte++) & 0xff];
	return crc;
}

static int check(void)
{
	return IS_ENABLED(CONFIG_CRC32) ? WARN_ON(~crc32(~0u, "123456789", 9) != 0xcbf43926) : 0;
}
initcall(check);
