#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
  char name[16];
  strcpy(name, argc > 1 ? argv[1] : "you");
  printf("hello %s, from %s\n", name, __func__);
  return 0;
}
