#include <linux/kernel.h>

extern int (*__initcalls[])(void), (*__initcalls_end[])(void);

int main(int argc, char **argv)
{
	int failed = 0;

	for (int (**call)(void) = __initcalls; call < __initcalls_end; call++)
		failed |= (*call)();
	pr_info("%s, %d calls, config of %d bytes\n", banner, (int)(__initcalls_end - __initcalls),
		(int)(config_data_end - config_data));
	return failed;
}
