#include <linux/kernel.h>

size_t strscpy(char *to, const char *from, size_t size)
{
	size_t length = 0;

	while (length + 1 < size && (to[length] = from[length]))
		length++;
	if (size)
		to[length] = '\0';
	return length;
}
