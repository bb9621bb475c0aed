#include <linux/kernel.h>

#define DEFINE(name, value) asm volatile("\n->" #name " %0 " #value : : "i"(value))

int main(void)
{
	DEFINE(TASK_STATE, offsetof(struct task, state));
	DEFINE(TASK_STACK, offsetof(struct task, stack));
	DEFINE(TASK_SIZE, sizeof(struct task));
	return 0;
}
